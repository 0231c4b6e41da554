package figure

import (
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

const swatch = vg.Length(10)

// legend writes names with their colours in rows from the top, and returns the canvas
// below.
func legend(c draw.Canvas, names []string, color func(int) Color) draw.Canvas {
	sty := style(smallSize, Ink.RGBA())
	at := vg.Point{X: c.Min.X, Y: c.Max.Y - swatch}
	for i, name := range names {
		width := swatch + 5 + sty.Width(name) + 14
		if at.X+width > c.Max.X && at.X > c.Min.X {
			at = vg.Point{X: c.Min.X, Y: at.Y - swatch - 7}
		}
		box(c, color(i), at.X, at.Y-swatch/2, at.X+swatch, at.Y+swatch/2)
		c.FillText(sty, vg.Point{X: at.X + swatch + 5, Y: at.Y}, name)
		at.X += width
	}
	return draw.Crop(c, 0, 0, 0, at.Y-swatch-6-c.Max.Y)
}

// legendHeight is what legend takes of a canvas of a width.
func legendHeight(names []string, width vg.Length) vg.Length {
	sty, rows, x := style(smallSize, Ink.RGBA()), 1, vg.Length(0)
	for _, name := range names {
		w := swatch + 5 + sty.Width(name) + 14
		if x+w > width && x > 0 {
			rows, x = rows+1, 0
		}
		x += w
	}
	return vg.Length(rows)*(swatch+7) + swatch
}

// box fills a rectangle.
func box(c draw.Canvas, color Color, x0, y0, x1, y1 vg.Length) {
	c.FillPolygon(color.RGBA(), []vg.Point{{X: x0, Y: y0}, {X: x1, Y: y0}, {X: x1, Y: y1}, {X: x0, Y: y1}})
}
