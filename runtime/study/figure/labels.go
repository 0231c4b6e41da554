package figure

import (
	"slices"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

const (
	labelPitch = vg.Length(13) // from a name to the next
	leader     = vg.Length(22) // from the data to the names
)

// margin is the room that the names take, right of the data.
func (l Lines) margin() (width vg.Length) {
	for _, s := range l.Series {
		width = max(width, style(textSize, Ink.RGBA()).Width(s.Label))
	}
	return width + leader + 4
}

// name writes each series' name right of the data, at the height of its last point
// where that is free, else as near as order allows, and leads to it.
func (l Lines) name(c draw.Canvas, x, y func(float64) vg.Length) {
	type label struct {
		series Series
		end    vg.Point
		at     vg.Length
	}
	var labels []label
	for i, s := range l.Series {
		if len(s.Points) == 0 || s.Label == "" {
			continue
		}
		end := s.end()
		labels = append(labels, label{s, vg.Point{X: x(end.X.Mid) + end.shift(l.beside(i)), Y: y(end.Y.Mid)}, y(end.Y.Mid)})
	}
	slices.SortStableFunc(labels, func(a, b label) int {
		switch {
		case a.at < b.at:
			return -1
		case a.at > b.at:
			return 1
		}
		return 0
	})
	wanted := make([]vg.Length, len(labels))
	for i := range labels {
		wanted[i] = labels[i].at
	}
	for i, at := range apart(wanted, c.Min.Y, c.Max.Y) {
		lb := labels[i]
		sty := style(textSize, lb.series.Color.RGBA())
		if lb.series.Quiet {
			sty.Font.Size = smallSize
		}
		from := lb.end.X + glyphRadius + 2
		thin := draw.LineStyle{Color: lb.series.Color.RGBA(), Width: 0.5}
		c.StrokeLines(thin, []vg.Point{{X: from, Y: lb.end.Y}, {X: max(from, c.Max.X+4), Y: lb.end.Y}, {X: c.Max.X + leader - 3, Y: at}})
		c.FillText(sty, vg.Point{X: c.Max.X + leader, Y: at}, lb.series.Label)
	}
}

// end is the point farthest right.
func (s Series) end() Point {
	last := s.Points[0]
	for _, pt := range s.Points {
		if pt.X.Mid >= last.X.Mid {
			last = pt
		}
	}
	return last
}

// apart moves ascending heights so that neighbours are labelPitch apart, between low
// and high where all fit, each run of crowded ones about its own mean.
func apart(wanted []vg.Length, low, high vg.Length) []vg.Length {
	type run struct {
		sum   vg.Length // of the heights that its members want for their first
		first int
		n     int
	}
	start := func(r run) vg.Length {
		s := r.sum / vg.Length(r.n)
		return max(low, min(s, high-labelPitch*vg.Length(r.n-1)))
	}
	var runs []run
	for i, w := range wanted {
		runs = append(runs, run{sum: w, first: i, n: 1})
		for len(runs) > 1 {
			a, b := runs[len(runs)-2], runs[len(runs)-1]
			if start(b) >= start(a)+labelPitch*vg.Length(a.n) {
				break
			}
			merged := run{sum: a.sum + b.sum - labelPitch*vg.Length(a.n*b.n), first: a.first, n: a.n + b.n}
			runs = append(runs[:len(runs)-2], merged)
		}
	}
	at := make([]vg.Length, len(wanted))
	for _, r := range runs {
		for k := range r.n {
			at[r.first+k] = start(r) + labelPitch*vg.Length(k)
		}
	}
	return at
}
