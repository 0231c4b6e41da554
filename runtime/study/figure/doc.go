// Package figure draws the figures of a report with gonum/plot, once for every medium:
// as SVG that follows the reader's light or dark scheme, and as PNG on white. It knows
// numbers and names, nothing of rows or policies.
//
//	Lines, Bars, Heat ─ Draw ─ vg canvas ─┬─ SVG: colours of the palette become CSS variables
//	                                      └─ PNG: 2 pixels a point
//
//	palette.go  the colours, in the light and in the dark scheme
//	style.go    text sizes, the empty plot
//	axis.go     ranges, ticks
//	lines.go    lines with intervals; labels.go: their names, beside their ends
//	bars.go     stacked bars; legend.go: its parts
//	heat.go     maps of numbers in steps of colour
//	svg.go      SVG; png.go: PNG
package figure
