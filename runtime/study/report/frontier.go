package report

import (
	"fmt"
	"strings"

	"capmoe/runtime/study/figure"
)

// frontiers are what capacity costs against what it buys: every system at every γ.
func (s *setting) frontiers() (figures []Figure) {
	for _, m := range measures {
		if f, ok := s.frontier(m); ok {
			figures = append(figures, f)
		}
	}
	return figures
}

func (s *setting) frontier(m measure) (Figure, bool) {
	f := Figure{Name: m.name + "-speedup", Title: m.title + " against speed-up", Data: Table{Columns: []Column{
		{Name: "system", Label: "system"}, {Name: "capacity_factor", Label: "γ", Verb: "%g"}, {Name: "ranks", Label: "ranks", Verb: "%d"},
		{Name: "speedup", Label: "MoE speed-up", Verb: "%.3f×", Span: true}, {Name: m.name, Label: m.title, Verb: m.verb, Span: true},
	}}}
	lines := figure.Lines{X: figure.Axis{Label: s.gainName() + ", ×"}, Y: figure.Axis{Label: m.axis, Log: m.log, Start: !m.log}}
	var best point
	n := 0
	for _, x := range s.series {
		line := x.line()
		for _, c := range x.cells {
			v, ok := m.of(c)
			g, has := s.gain(c)
			if !ok || !has || m.log && v.Low <= 0 {
				continue
			}
			f.Data.add(x.name, gammaValue(c), c.Ranks, g, v)
			if c.Ranks != s.focus {
				continue
			}
			pt := figure.Point{X: g, Y: v, Name: x.label(c)}
			if c.Gamma != nil {
				pt.Note = fmt.Sprintf("%g", *c.Gamma)
			}
			line.Points = append(line.Points, pt)
			if n++; g.Mid > best.gain.Mid {
				best = point{series: x, cell: c, gain: g, mass: v}
			}
		}
		if len(line.Points) > 0 {
			lines.Series = append(lines.Series, line)
		}
	}
	lines, beyond := s.within(m, lines)
	f.Drawing = lines
	f.Caption = fmt.Sprintf("The frontier on %d ranks: right is faster, down is better. Small numbers are γ.", s.focus) + beyond + intervals
	if n < 2 {
		return f, false
	}
	f.Finding = fmt.Sprintf("Farthest right is %s: %.2f× (%s), at a %s of "+m.verb+".", best.label(), best.gain.Mid, s.gainName(), strings.ToLower(m.title), best.mass.Mid)
	return f, true
}
