package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// setting is a part of a study whose cells may be compared.
type setting struct {
	key    key
	series []*series
	ranks  []int     // numbers of ranks, ascending
	gammas []float64 // capacity factors, ascending
	focus  int       // the number of ranks that figures of one number show
	gamma  float64   // the capacity factor that figures of one factor show; 0: no cell has one
	timed  bool      // the experts were computed; else only planned
}

// key is what the cells of a setting have in common.
type key struct {
	scaling, model, shape, workload, dtype string
	tokens                                 int // of a step; weak scaling: of a step and rank
}

// series is a system in a setting, with what varies beside γ and ranks.
type series struct {
	name     string
	order    int // among the setting's series
	system   string
	policy   bool
	variant  variant
	variants int     // place among those of the same system
	cells    []*cell // with runs, by ranks, then γ
	failed   []*cell // without
}

type variant struct{ scope, dispatch, placement string }

// gather makes the settings of runs, in the order of their first rows.
func gather(runs []run) []*setting {
	var settings []*setting
	cells := map[string]*cell{}
	for _, r := range runs {
		c := cells[r.Cell.ID]
		if c == nil {
			c = &cell{Cell: r.Cell}
			cells[r.Cell.ID] = c
			settings = put(settings, c)
		}
		c.crowded = c.crowded || r.Environment.Crowded
		if r.result == nil {
			c.failures = append(c.failures, r.Failure)
		} else {
			c.runs = append(c.runs, r)
		}
	}
	for _, s := range settings {
		s.finish()
	}
	return settings
}

// put puts a cell into its setting and series.
func put(settings []*setting, c *cell) []*setting {
	k := key{scaling: c.Scaling, model: c.Model, shape: c.Shape, workload: c.Workload, dtype: c.DType, tokens: c.Tokens}
	if k.scaling == "weak" {
		k.tokens /= c.Ranks
	}
	at := slices.IndexFunc(settings, func(s *setting) bool { return s.key == k })
	if at < 0 {
		settings, at = append(settings, &setting{key: k, timed: c.timed()}), len(settings)
	}
	s, v := settings[at], variant{c.Scope, c.Dispatch, c.Placement}
	i := slices.IndexFunc(s.series, func(x *series) bool { return x.system == c.System && x.variant == v })
	if i < 0 {
		s.series, i = append(s.series, &series{system: c.System, policy: isPolicy(c.Cell), variant: v}), len(s.series)
	}
	s.series[i].cells = append(s.series[i].cells, c)
	return settings
}

// finish orders and names what was gathered.
func (s *setting) finish() {
	slices.SortStableFunc(s.series, func(a, b *series) int { return cmp.Compare(rankOf(a.system), rankOf(b.system)) })
	var ranks []int
	var gammas []float64
	for i, x := range s.series {
		x.order, x.name = i, s.nameOf(x)
		slices.SortStableFunc(x.cells, func(a, b *cell) int {
			return cmp.Or(cmp.Compare(a.Ranks, b.Ranks), cmp.Compare(gammaOf(a), gammaOf(b)))
		})
		var done []*cell
		for _, c := range x.cells {
			if len(c.runs) == 0 {
				x.failed = append(x.failed, c)
				continue
			}
			done = append(done, c)
			ranks = append(ranks, c.Ranks)
			if c.Gamma != nil {
				gammas = append(gammas, *c.Gamma)
			}
		}
		x.cells = done
	}
	slices.Sort(ranks)
	slices.Sort(gammas)
	s.ranks, s.gammas = slices.Compact(ranks), slices.Compact(gammas)
	s.choose()
}

// choose takes the largest number of ranks that most series have, and the least factor
// that most capped series have there.
func (s *setting) choose() {
	best := -1
	for _, p := range s.ranks {
		if n := s.countSeries(func(c *cell) bool { return c.Ranks == p }); n >= best {
			s.focus, best = p, n
		}
	}
	best = 0
	for _, g := range s.gammas {
		if n := s.countSeries(func(c *cell) bool { return c.Ranks == s.focus && c.Gamma != nil && *c.Gamma == g }); n > best {
			s.gamma, best = g, n
		}
	}
}

func (s *setting) countSeries(has func(*cell) bool) (n int) {
	for _, x := range s.series {
		if slices.ContainsFunc(x.cells, has) {
			n++
		}
	}
	return n
}

// nameOf is the system, with what tells it from the setting's other series of it.
func (s *setting) nameOf(x *series) string {
	name, others := x.system, []variant{}
	for _, y := range s.series {
		if y.system != x.system {
			continue
		}
		if y == x {
			x.variants = len(others)
		}
		others = append(others, y.variant)
	}
	differ := func(part func(variant) string) bool {
		return slices.ContainsFunc(others, func(v variant) bool { return part(v) != part(x.variant) })
	}
	var parts []string
	for _, part := range []func(variant) string{
		func(v variant) string { return v.scope }, func(v variant) string { return v.dispatch }, func(v variant) string { return v.placement },
	} {
		if differ(part) {
			parts = append(parts, cmp.Or(part(x.variant), "default"))
		}
	}
	if len(parts) > 0 {
		name += " (" + strings.Join(parts, ", ") + ")"
	}
	return clip(name, 60)
}

// at is the series' cells at a number of ranks, by γ.
func (x *series) at(ranks int) (cells []*cell) {
	for _, c := range x.cells {
		if c.Ranks == ranks {
			cells = append(cells, c)
		}
	}
	return cells
}

// shown is the cells of the series at the setting's factor, or without one, by ranks.
func (s *setting) shown(x *series) (cells []*cell) {
	for _, c := range x.cells {
		if c.Gamma == nil || *c.Gamma == s.gamma {
			cells = append(cells, c)
		}
	}
	return cells
}

func gammaOf(c *cell) float64 {
	if c.Gamma == nil {
		return 0
	}
	return *c.Gamma
}

// label names a cell of the series.
func (x *series) label(c *cell) string {
	if c.Gamma == nil {
		return x.name
	}
	return fmt.Sprintf("%s γ %g", x.name, *c.Gamma)
}
