package report

import (
	"fmt"
	"strings"

	"capmoe/runtime/study/figure"
)

// measure is a number of a cell that tells what capacity costs.
type measure struct {
	name, title, axis, verb string
	log                     bool
	of                      func(*cell) (figure.Span, bool)
}

var measures = []measure{
	{"mass", "Lost gate mass", "lost gate mass, share of all", "%.4f", false, func(c *cell) (figure.Span, bool) { return c.massLost(), true }},
	{"perplexity", "Perplexity", "perplexity, lower is better", "%.3f", true, (*cell).perplexity},
}

// qualities are what capacity costs, against γ.
func (s *setting) qualities() (figures []Figure) {
	if len(s.gammas) == 0 {
		return nil
	}
	for _, m := range measures {
		if f, ok := s.quality(m); ok {
			figures = append(figures, f)
		}
	}
	return figures
}

func (s *setting) quality(m measure) (Figure, bool) {
	f := Figure{Name: m.name + "-gamma", Title: m.title + " against capacity factor", Data: Table{Columns: []Column{
		{Name: "system", Label: "system"}, {Name: "capacity_factor", Label: "γ", Verb: "%g"}, {Name: "ranks", Label: "ranks", Verb: "%d"},
		{Name: m.name, Label: m.title, Verb: m.verb, Span: true},
	}}}
	lines := figure.Lines{X: figure.Axis{Label: "capacity factor γ", Ticks: s.gammas}, Y: figure.Axis{Label: m.axis, Log: m.log}}
	if !m.log {
		lines.Y.Start = true
	}
	var names []string
	var values []float64
	for _, x := range s.series {
		line := x.line()
		for _, c := range x.cells {
			v, ok := m.of(c)
			if !ok || m.log && v.Low <= 0 {
				continue
			}
			f.Data.add(x.name, gammaValue(c), c.Ranks, v)
			if c.Ranks != s.focus {
				continue
			}
			if c.Gamma == nil {
				line.Quiet = true
				for _, g := range []float64{s.gammas[0], s.gammas[len(s.gammas)-1]} {
					line.Points = append(line.Points, figure.Point{X: figure.At(g), Y: v})
				}
				continue
			}
			line.Points = append(line.Points, figure.Point{X: figure.At(*c.Gamma), Y: v, Name: x.label(c)})
			if *c.Gamma == s.gamma {
				names, values = append(names, x.name), append(values, v.Mid)
			}
		}
		if len(line.Points) > 0 {
			lines.Series = append(lines.Series, line)
		}
	}
	lines, beyond := s.within(m, lines)
	f.Drawing = lines
	f.Finding = fmt.Sprintf("%s at γ %g: %s.", m.title, s.gamma, named(m.verb, names, values))
	f.Caption = fmt.Sprintf("On %d ranks. Dotted: systems without a capacity.", s.focus) + meaning(m.name) + beyond + intervals
	return f, len(values) > 0
}

// farther is the part of the reference's perplexity above which a point is too far from
// the others to be drawn with them.
const farther = 1.2

// within leaves points out of a drawing of perplexity that would press the others flat,
// and says which, if half of all or more are left.
func (s *setting) within(m measure, lines figure.Lines) (figure.Lines, string) {
	ref := s.reference(s.focus)
	if m.name != "perplexity" || ref == nil {
		return lines, ""
	}
	whole, ok := ref.perplexity()
	if !ok {
		return lines, ""
	}
	var near []figure.Series
	var out []string
	all := 0
	for _, line := range lines.Series {
		points := line.Points
		line.Points = nil
		for _, p := range points {
			if all++; p.Y.Mid <= farther*whole.Mid {
				line.Points = append(line.Points, p)
				continue
			}
			out = append(out, fmt.Sprintf("%s (%.1f)", p.Name, p.Y.Mid))
		}
		if len(line.Points) > 0 {
			near = append(near, line)
		}
	}
	if len(out) == 0 || 2*len(out) > all {
		return lines, ""
	}
	lines.Series = near
	return lines, fmt.Sprintf(" Above the figure: %s.", strings.Join(out, ", "))
}

func meaning(name string) string {
	if name == "mass" {
		return " Lost gate mass: the router's weights of pairs that were refused and found no substitute, over all weights."
	}
	return ""
}
