package figure

import (
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Bars are stacked bars that lie, one under the other.
type Bars struct {
	X     string   // what the length is, with its unit
	Parts []string // names of the parts, from the left
	First int      // the first part's colour is Part(First)
	Bars  []Bar
}

// Bar is one bar of Bars.
type Bar struct {
	Label string
	Color Color     // of the label
	Parts []float64 // [parts]; negative ones lie left of zero
	Total Span      // of the sum, over repeats
	Note  string    // beside the end
	Apart bool      // with a gap above
}

const (
	barsWidth = vg.Length(760)
	barPitch  = vg.Length(19)
	barGap    = vg.Length(7)
)

// Size grows with the bars.
func (b Bars) Size() (width, height vg.Length) {
	return barsWidth, legendHeight(b.Parts, barsWidth) + b.rows() + 46
}

func (b Bars) color(part int) Color { return Part(b.First + part) }

func (b Bars) rows() (height vg.Length) {
	for _, bar := range b.Bars {
		height += barPitch
		if bar.Apart {
			height += barGap
		}
	}
	return height
}

// Draw paints the names of the parts, the axis and the bars.
func (b Bars) Draw(c draw.Canvas) {
	c = legend(c, b.Parts, b.color)
	names, notes, least, most := vg.Length(0), vg.Length(0), 0.0, 0.0
	for _, bar := range b.Bars {
		names = max(names, style(textSize, Ink.RGBA()).Width(bar.Label))
		notes = max(notes, style(smallSize, Ink.RGBA()).Width(bar.Note))
		below, above := bar.reach()
		least, most = min(least, below, bar.Total.Low), max(most, above, bar.Total.High)
	}
	c = draw.Crop(c, names+10, -notes-14, 0, 0)
	p := newPlot()
	p.HideY()
	p.X.Label.Text, p.X.Label.Position = b.X, draw.PosCenter
	Axis{Start: least == 0}.set(&p.X, []float64{least, most})
	p.X.Padding, p.Y.Padding = 0, 0
	p.X.LineStyle.Width = 0
	p.Y.Min, p.Y.Max = 0, float64(b.rows())
	p.Draw(c)
	data := p.DataCanvas(c)
	x, y := p.Transforms(&data)
	b.lines(data, x, p.X.Tick.Marker.Ticks(p.X.Min, p.X.Max))
	at := b.rows()
	for _, bar := range b.Bars {
		if bar.Apart {
			at -= barGap
		}
		bar.draw(data, x, y(float64(at-barPitch/2)), b.color)
		at -= barPitch
	}
}

func (b Bars) lines(c draw.Canvas, x func(float64) vg.Length, ticks []plot.Tick) {
	for _, t := range ticks {
		c.StrokeLine2(draw.LineStyle{Color: Rule.RGBA(), Width: hairline}, x(t.Value), c.Min.Y, x(t.Value), c.Max.Y)
	}
}

func (bar Bar) draw(c draw.Canvas, x func(float64) vg.Length, middle vg.Length, color func(int) Color) {
	const half = barPitch*0.5 - 2.5
	name := style(textSize, bar.Color.RGBA())
	name.XAlign = text.XRight
	c.FillText(name, vg.Point{X: c.Min.X - 8, Y: middle}, bar.Label)
	below, above := 0.0, 0.0
	for i, part := range bar.Parts {
		from := &above
		if part < 0 {
			from = &below
		}
		box(c, color(i), x(*from), middle-half, x(*from+part), middle+half)
		*from += part
	}
	ink := draw.LineStyle{Color: Ink.RGBA(), Width: 1}
	if bar.Total.High > bar.Total.Low {
		c.StrokeLine2(ink, x(bar.Total.Low), middle, x(bar.Total.High), middle)
		for _, v := range []float64{bar.Total.Low, bar.Total.High} {
			c.StrokeLine2(ink, x(v), middle-3, x(v), middle+3)
		}
	}
	end := x(max(above, bar.Total.High))
	c.FillText(style(smallSize, Muted.RGBA()), vg.Point{X: end + 6, Y: middle}, bar.Note)
}

// reach is how far the parts reach, left and right of zero.
func (bar Bar) reach() (below, above float64) {
	for _, part := range bar.Parts {
		below, above = below+min(0, part), above+max(0, part)
	}
	return below, above
}
