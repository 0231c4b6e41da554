package figure

import (
	"fmt"

	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Heat is a row of maps, one under the other, of numbers around 1.
type Heat struct {
	Row, Column string // what a line and a column of a map are
	Maps        []Map
}

// Map is one map of a Heat.
type Map struct {
	Title  string
	Rows   []string    // names of the lines
	Values [][]float64 // [lines, columns]
}

// bounds are where the colours change: a value below bounds[i] has step i or lower.
var bounds = [Steps - 1]float64{0.25, 0.5, 0.75, 1, 1.25, 1.5, 2, 3, 5}

const (
	heatWidth = vg.Length(760)
	heatTitle = vg.Length(24)
)

// pitch is the height of a map's line: many layers are drawn closer.
func (m Map) pitch() vg.Length {
	return max(3, min(15, 180/vg.Length(max(1, len(m.Values)))))
}

// Size grows with the maps and their lines.
func (h Heat) Size() (width, height vg.Length) {
	height = legendHeight(stepNames(), heatWidth) + 24
	for _, m := range h.Maps {
		height += heatTitle + m.pitch()*vg.Length(len(m.Values))
	}
	return heatWidth, height
}

// Draw paints the steps of colour and the maps.
func (h Heat) Draw(c draw.Canvas) {
	c = legend(c, stepNames(), step)
	c = draw.Crop(c, 54, 0, 0, 0)
	columns := 1
	for _, m := range h.Maps {
		top := c.Max.Y - heatTitle
		c.FillText(style(textSize, Ink.RGBA()), vg.Point{X: c.Min.X, Y: top + 8}, m.Title)
		m.draw(c, top, h.Row)
		c = draw.Crop(c, 0, 0, 0, -heatTitle-m.pitch()*vg.Length(len(m.Values)))
		for _, line := range m.Values {
			columns = max(columns, len(line))
		}
	}
	h.count(c, columns)
}

// count names the columns under the last map.
func (h Heat) count(c draw.Canvas, columns int) {
	sty := style(smallSize, Muted.RGBA())
	sty.XAlign = text.XCenter
	every := 1
	for columns/every > 16 {
		every *= 2
	}
	wide := (c.Max.X - c.Min.X) / vg.Length(columns)
	for i := 0; i < columns; i += every {
		name := fmt.Sprint(i)
		if i == 0 {
			name = h.Column + " 0"
		}
		c.FillText(sty, vg.Point{X: c.Min.X + wide*(vg.Length(i)+0.5), Y: c.Max.Y - 9}, name)
	}
}

// draw paints neighbours of one colour as one box.
func (m Map) draw(c draw.Canvas, top vg.Length, row string) {
	sty := style(smallSize, Muted.RGBA())
	sty.XAlign = text.XRight
	pitch := m.pitch()
	gap := min(1, pitch/5)
	for i, line := range m.Values {
		y := top - pitch*vg.Length(i)
		if every := int(smallSize/pitch) + 1; i%every == 0 && i < len(m.Rows) {
			name := m.Rows[i]
			if i == 0 {
				name = row + " " + name
			}
			c.FillText(sty, vg.Point{X: c.Min.X - 6, Y: y - pitch/2}, name)
		}
		wide := (c.Max.X - c.Min.X) / vg.Length(max(1, len(line)))
		for from := 0; from < len(line); {
			to := from + 1
			for wide < 6 && to < len(line) && stepOf(line[to]) == stepOf(line[from]) {
				to++
			}
			right := c.Min.X + wide*vg.Length(to)
			if wide >= 6 {
				right -= gap
			}
			box(c, step(stepOf(line[from])), c.Min.X+wide*vg.Length(from), y-pitch+gap, right, y)
			from = to
		}
	}
}

// stepOf is the colour of a value.
func stepOf(v float64) int {
	for i, b := range bounds {
		if v < b {
			return i
		}
	}
	return Steps - 1
}

func stepNames() []string {
	names := make([]string, Steps)
	names[0] = fmt.Sprintf("below %g × mean", bounds[0])
	for i := 1; i < Steps-1; i++ {
		names[i] = fmt.Sprintf("%g–%g", bounds[i-1], bounds[i])
	}
	names[Steps-1] = fmt.Sprintf("%g and more", bounds[Steps-2])
	return names
}
