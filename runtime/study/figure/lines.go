package figure

import (
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Lines are series of points with intervals, each named beside its end.
type Lines struct {
	X, Y   Axis
	Series []Series
	Apart  bool // points of the same X stand beside each other, so that their intervals show
}

// Series is a line of Lines.
type Series struct {
	Label  string
	Color  Color
	Dashed bool
	Shape  int // of its points, which tells it apart without colour
	Quiet  bool
	Points []Point
}

// Point has an interval in both directions and, if any, a note beside it. All of its
// numbers are finite.
type Point struct {
	X, Y Span
	Name string // not drawn: what the point is
	Note string
}

// Span is a number with the interval around it: Low ≤ Mid ≤ High.
type Span struct{ Mid, Low, High float64 }

// At is a number without an interval.
func At(v float64) Span { return Span{v, v, v} }

const (
	linesWidth  = vg.Length(470)
	linesHeight = vg.Length(310)
	glyphRadius = vg.Length(3.4)
)

var shapes = []draw.GlyphDrawer{
	draw.CircleGlyph{}, draw.BoxGlyph{}, draw.PyramidGlyph{}, draw.SquareGlyph{}, draw.RingGlyph{},
	draw.TriangleGlyph{}, draw.CrossGlyph{}, draw.PlusGlyph{},
}

// Size is the same for all Lines, so that they stand side by side; long names and many
// of them take more.
func (l Lines) Size() (width, height vg.Length) {
	return max(linesWidth, l.margin()+linesWidth*0.6), max(linesHeight, vg.Length(len(l.Series))*labelPitch+60)
}

// Draw paints the axes, the lines and their names.
func (l Lines) Draw(c draw.Canvas) {
	p := newPlot()
	p.X.Label.Text = l.X.Label
	p.X.Label.Position = draw.PosCenter
	var xs, ys []float64
	for _, s := range l.Series {
		for _, pt := range s.Points {
			xs = append(xs, pt.X.Low, pt.X.High)
			ys = append(ys, pt.Y.Low, pt.Y.High)
		}
	}
	l.X.set(&p.X, xs)
	l.Y.set(&p.Y, ys)
	c = heading(c, l.Y.Label)
	c = draw.Crop(c, 0, -l.margin(), 0, 0)
	p.Draw(c)
	data := p.DataCanvas(c)
	x, y := p.Transforms(&data)
	grid(data, y, p.Y.Tick.Marker.Ticks(p.Y.Min, p.Y.Max))
	for i, s := range l.Series {
		s.draw(data, x, y, l.beside(i))
	}
	l.name(data, x, y)
}

// beside is how far right of its X a series' points with an interval stand.
func (l Lines) beside(i int) vg.Length {
	const pitch, width = vg.Length(4), vg.Length(28)
	if !l.Apart || l.Series[i].Quiet {
		return 0
	}
	n := vg.Length(len(l.Series))
	return min(pitch, width/n) * (vg.Length(i) - (n-1)/2)
}

// shift is beside for a point that has an interval, and nothing for another.
func (p Point) shift(beside vg.Length) vg.Length {
	if p.Y.Low < p.Y.High {
		return beside
	}
	return 0
}

func (s Series) draw(c draw.Canvas, x, y func(float64) vg.Length, beside vg.Length) {
	line := draw.LineStyle{Color: s.Color.RGBA(), Width: 1.6}
	if s.Dashed {
		line.Dashes = []vg.Length{5, 3}
	}
	if s.Quiet {
		line.Width, line.Dashes = 1, []vg.Length{2, 3}
	}
	at := make([]vg.Point, len(s.Points))
	for i, pt := range s.Points {
		at[i] = vg.Point{X: x(pt.X.Mid) + pt.shift(beside), Y: y(pt.Y.Mid)}
	}
	c.StrokeLines(line, at)
	if s.Quiet {
		return
	}
	whisker := draw.LineStyle{Color: s.Color.RGBA(), Width: hairline}
	note := style(8, s.Color.RGBA())
	note.XAlign, note.YAlign = text.XCenter, text.YBottom
	for i, pt := range s.Points {
		c.StrokeLine2(whisker, at[i].X, y(pt.Y.Low), at[i].X, y(pt.Y.High))
		c.StrokeLine2(whisker, x(pt.X.Low), at[i].Y, x(pt.X.High), at[i].Y)
		c.DrawGlyphNoClip(draw.GlyphStyle{Color: s.Color.RGBA(), Radius: glyphRadius, Shape: shapes[s.Shape%len(shapes)]}, at[i])
		if pt.Note != "" {
			c.FillText(note, at[i].Add(vg.Point{Y: glyphRadius + 2}), pt.Note)
		}
	}
}
