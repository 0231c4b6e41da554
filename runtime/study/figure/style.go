package figure

import (
	"image/color"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Sizes of text and lines, in points.
const (
	textSize  = vg.Length(11)
	smallSize = vg.Length(9.5)
	hairline  = vg.Length(0.75)
)

// Drawing is a figure of a fixed size.
type Drawing interface {
	Size() (width, height vg.Length)
	Draw(c draw.Canvas)
}

// style is text of a size and colour. Its metrics are those of Arial and Helvetica.
func style(size vg.Length, c color.Color) text.Style {
	return text.Style{
		Color: c, Font: font.Font{Typeface: "Liberation", Variant: "Sans", Size: size},
		XAlign: text.XLeft, YAlign: text.YCenter, Handler: plot.DefaultTextHandler,
	}
}

// newPlot is an empty plot with quiet axes.
func newPlot() *plot.Plot {
	p := plot.New()
	p.BackgroundColor = nil
	for _, axis := range []*plot.Axis{&p.X, &p.Y} {
		axis.LineStyle = draw.LineStyle{Color: Muted.RGBA(), Width: hairline}
		axis.Tick.LineStyle = axis.LineStyle
		axis.Tick.Length = 4
		label := axis.Tick.Label
		axis.Tick.Label = style(smallSize, Muted.RGBA())
		axis.Tick.Label.XAlign, axis.Tick.Label.YAlign = label.XAlign, label.YAlign
		label = axis.Label.TextStyle
		axis.Label.TextStyle = style(smallSize, Ink.RGBA())
		axis.Label.TextStyle.XAlign, axis.Label.TextStyle.YAlign = label.XAlign, label.YAlign
		axis.Label.Padding = 4
		axis.Padding = 6
	}
	p.Y.LineStyle.Width, p.Y.Tick.LineStyle.Width, p.Y.Tick.Length = 0, 0, 0
	return p
}

// heading writes what the vertical axis shows above it, where it reads without turning
// the head, and returns the canvas below.
func heading(c draw.Canvas, label string) draw.Canvas {
	c.FillText(style(smallSize, Ink.RGBA()), vg.Point{X: c.Min.X, Y: c.Max.Y - smallSize}, label)
	return draw.Crop(c, 0, 0, 0, -2.2*smallSize)
}

// grid is a horizontal line at each tick of the vertical axis.
func grid(c draw.Canvas, y func(float64) vg.Length, ticks []plot.Tick) {
	for _, t := range ticks {
		if t.Label != "" {
			c.StrokeLine2(draw.LineStyle{Color: Rule.RGBA(), Width: hairline}, c.Min.X, y(t.Value), c.Max.X, y(t.Value))
		}
	}
}
