package report

import (
	"fmt"

	"capmoe/runtime/study/figure"
)

// scaled is a cell against the same series on the fewest ranks.
type scaled struct {
	cell       *cell
	speedup    figure.Span // tokens a second, over those on the fewest ranks
	efficiency figure.Span // speed-up over the ratio of ranks
}

// scale compares cells of one series and factor, in order of ranks, by seconds per token.
func scale(cells []*cell, seconds func(*cell) figure.Span) (points []scaled) {
	for _, c := range cells {
		first := cells[0]
		up := ratio(seconds(first), seconds(c))
		if c == first {
			up = figure.At(1)
		}
		if up.Mid <= 0 {
			continue
		}
		part := float64(first.Ranks) / float64(c.Ranks)
		points = append(points, scaled{c, up, figure.Span{Mid: up.Mid * part, Low: up.Low * part, High: up.High * part}})
	}
	return points
}

// scalings are speed-up and efficiency against ranks, on the critical path; and by wall
// time, over the cells whose ranks had a core each.
func (s *setting) scalings() (figures []Figure) {
	if !s.timed || len(s.ranks) < 2 {
		return nil
	}
	if f, ok := s.scaling("speedup", "critical path", (*cell).critical, func(*cell) bool { return true }); ok {
		figures = append(figures, f, s.efficiency(f))
	}
	if f, ok := s.scaling("speedup-wall", "wall time", (*cell).wall, func(c *cell) bool { return !c.crowded }); ok {
		figures = append(figures, f)
	}
	return figures
}

func (s *setting) scaling(name, clock string, seconds func(*cell) figure.Span, counts func(*cell) bool) (Figure, bool) {
	f := Figure{Name: name, Title: "Speed-up against ranks, by " + clock, Data: Table{Columns: []Column{
		{Name: "system", Label: "system"}, {Name: "capacity_factor", Label: "γ", Verb: "%g"}, {Name: "ranks", Label: "ranks", Verb: "%d"},
		{Name: "seconds_per_million_tokens", Label: "s per 10⁶ tokens", Verb: "%.2f", Span: true},
		{Name: "speedup", Label: "speed-up", Verb: "%.2f×", Span: true}, {Name: "efficiency", Label: "efficiency", Verb: "%.3f", Span: true},
	}}}
	lines := figure.Lines{Apart: true, X: figure.Axis{Label: "MPI ranks", Log: true}, Y: figure.Axis{Label: "speed-up over the fewest ranks of the same system, ×", Log: true}}
	ranks := map[int]bool{}
	var names []string
	var last []float64
	low, high := 0, 0
	for _, x := range s.series {
		line := x.line()
		var cells []*cell
		for _, c := range s.shown(x) {
			if counts(c) {
				cells = append(cells, c)
			}
		}
		for _, p := range scale(cells, seconds) {
			ranks[p.cell.Ranks] = true
			line.Points = append(line.Points, figure.Point{X: figure.At(float64(p.cell.Ranks)), Y: p.speedup})
			f.Data.add(x.name, gammaValue(p.cell), p.cell.Ranks, seconds(p.cell), p.speedup, p.efficiency)
		}
		if n := len(line.Points); n > 1 {
			lines.Series = append(lines.Series, line)
			names, last = append(names, x.name), append(last, line.Points[n-1].Y.Mid)
			if low == 0 || cells[0].Ranks < low {
				low = cells[0].Ranks
			}
			high = max(high, cells[len(cells)-1].Ranks)
		}
	}
	if len(lines.Series) == 0 {
		return f, false
	}
	for _, p := range s.ranks {
		if ranks[p] {
			lines.X.Ticks = append(lines.X.Ticks, float64(p))
		}
	}
	ideal := figure.Series{Label: "ideal", Color: figure.Muted, Quiet: true}
	for _, p := range lines.X.Ticks {
		ideal.Points = append(ideal.Points, figure.Point{X: figure.At(p), Y: figure.At(p / float64(low))})
	}
	lines.Series = append(lines.Series, ideal)
	f.Drawing = lines
	f.Finding = fmt.Sprintf("From %d to %d ranks the %s per token becomes shorter by these factors: %s; ideal is %.3g×.", low, high, clock, named("%.2f×", names, last), float64(high)/float64(low))
	f.Caption = "Tokens a second over those of the same system on its fewest ranks. " + scalingOf(s.key) + clockOf(clock) + s.atFactor() + intervals
	return f, true
}

func scalingOf(k key) string {
	if k.scaling == "weak" {
		return fmt.Sprintf("Weak scaling: %d tokens a step and rank.", k.tokens)
	}
	return fmt.Sprintf("Strong scaling: %d tokens a step for any number of ranks.", k.tokens)
}

func clockOf(clock string) string {
	if clock == "wall time" {
		return " Only runs whose ranks had a core each."
	}
	return " Critical path: for every step, layer and phase the CPU time of the slowest rank, added up; what ranks with a core each would take, without the wire."
}

// efficiency is the figure of the same numbers as a scaling's.
func (s *setting) efficiency(from Figure) Figure {
	f := Figure{Name: "efficiency", Title: "Efficiency against ranks, by critical path", Data: from.Data}
	lines := from.Drawing.(figure.Lines)
	lines.Y = figure.Axis{Label: "speed-up over ratio of ranks", Start: true, Ticks: []float64{0, 0.25, 0.5, 0.75, 1}}
	least := lines.X.Ticks[0]
	series := lines.Series
	lines.Series = nil
	var names []string
	var last []float64
	for _, line := range series {
		first := line.Points[0].X.Mid
		if line.Quiet {
			first = least
		}
		points := make([]figure.Point, len(line.Points))
		for i, p := range line.Points {
			part := first / p.X.Mid
			points[i] = figure.Point{X: p.X, Y: figure.Span{Mid: p.Y.Mid * part, Low: p.Y.Low * part, High: p.Y.High * part}}
		}
		line.Points = points
		lines.Series = append(lines.Series, line)
		if !line.Quiet {
			names, last = append(names, line.Label), append(last, 100*points[len(points)-1].Y.Mid)
		}
	}
	f.Drawing = lines
	f.Finding = "At the most ranks the efficiency is: " + named("%.0f %%", names, last) + "."
	f.Caption = "Speed-up divided by the growth of ranks: 1 is ideal. What is lost is work that does not divide (planning, routing) and imbalance." + s.atFactor() + intervals
	return f
}

func gammaValue(c *cell) any {
	if c.Gamma == nil {
		return nil
	}
	return *c.Gamma
}
