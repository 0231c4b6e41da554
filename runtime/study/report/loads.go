package report

import (
	"fmt"
	"slices"

	"capmoe/runtime/study/figure"
)

// mostLoads is how many loads are drawn before no further map is begun.
const mostLoads = 16384

// loads is the load of every expert of every layer, over the layer's mean before
// capacity: as routed, and as each capped policy leaves it.
func (s *setting) loads() (Figure, bool) {
	f := Figure{Name: "loads", Title: "Load of every expert, before and after capacity", Wide: true, Data: Table{Columns: []Column{
		{Name: "system", Label: "system"}, {Name: "capacity_factor", Label: "γ", Verb: "%g"}, {Name: "when", Label: "when"},
		{Name: "layer", Label: "layer", Verb: "%d"}, {Name: "expert", Label: "expert", Verb: "%d"},
		{Name: "pairs", Label: "pairs", Verb: "%d"}, {Name: "over_mean", Label: "over the mean", Verb: "%.3f"},
	}}}
	heat := figure.Heat{Row: "layer", Column: "expert"}
	shown := 0
	var names, left []string
	var tops []float64
	show := func(x *series, c *cell, when, title string, before bool) {
		m, top := loadMap(c.runs[0].result, before)
		if len(m.Values) == 0 {
			return
		}
		shown += len(m.Values) * len(m.Values[0])
		m.Title = title
		heat.Maps = append(heat.Maps, m)
		names, tops = append(names, title), append(tops, top)
		for i, l := range c.runs[0].result.Layers {
			for e, n := range loadsOf(l.ExpertLoadBefore, l.ExpertLoadAfter, before) {
				f.Data.add(x.name, gammaValue(c), when, l.Layer, e, int(n), m.Values[i][e])
			}
		}
	}
	for _, x := range s.series {
		at := slices.IndexFunc(x.cells, func(c *cell) bool { return c.Ranks == s.focus && c.Gamma != nil && *c.Gamma == s.gamma })
		if at < 0 {
			continue
		}
		if shown > mostLoads {
			left = append(left, x.name)
			continue
		}
		c := x.cells[at]
		if len(heat.Maps) == 0 {
			show(x, c, "before", "as routed, before any capacity", true)
		}
		show(x, c, "after", x.label(c)+", after", false)
	}
	f.Drawing = heat
	if len(names) == 0 {
		return f, false
	}
	f.Finding = "Largest load over its layer's mean: " + named("%.2f×", names, tops) + "."
	f.Caption = fmt.Sprintf("On %d ranks, pairs of all steps, over the layer's mean as routed: 1 is a fair share. A capacity holds within every step, so a sum over steps may stay below it. Blue: less than the mean, orange: more.", s.focus)
	if len(left) > 0 {
		f.Caption += fmt.Sprintf(" Not drawn, for their number: %s.", list(left))
	}
	return f, true
}

func loadsOf(before, after []int64, first bool) []int64 {
	if first {
		return before
	}
	return after
}

// loadMap is the loads of a run over the means as routed, and the largest.
func loadMap(r *result, before bool) (m figure.Map, top float64) {
	for _, l := range r.Layers {
		sum := 0.0
		for _, n := range l.ExpertLoadBefore {
			sum += float64(n)
		}
		mean := max(1, sum) / float64(max(1, len(l.ExpertLoadBefore)))
		line := make([]float64, len(l.ExpertLoadBefore))
		for e, n := range loadsOf(l.ExpertLoadBefore, l.ExpertLoadAfter, before) {
			line[e] = float64(n) / mean
			top = max(top, line[e])
		}
		m.Values, m.Rows = append(m.Values, line), append(m.Rows, fmt.Sprint(l.Layer))
	}
	return m, top
}
