package report

import (
	"strings"

	"capmoe/runtime/study/figure"
)

// cellTable is every cell with its numbers.
func (s *setting) cellTable() Table {
	t := Table{Name: "cells", Title: "Every cell", Columns: []Column{
		{Name: "system", Label: "system"}, {Name: "capacity_factor", Label: "γ", Verb: "%g"}, {Name: "ranks", Label: "ranks", Verb: "%d"},
		{Name: "capacity_scope", Label: "scope"}, {Name: "repeats", Label: "runs", Verb: "%d"}, {Name: "failed", Label: "failed", Verb: "%d"},
		{Name: "effective_factor", Label: "effective γ", Verb: "%.3f"},
		{Name: "perplexity", Label: "perplexity", Verb: "%.3f", Span: true}, {Name: "gate_mass_lost", Label: "lost gate mass", Verb: "%.4f", Span: true},
		{Name: "kept_share", Label: "kept", Verb: "%.4f", Span: true}, {Name: "rerouted_share", Label: "rerouted", Verb: "%.4f", Span: true}, {Name: "dropped_share", Label: "dropped", Verb: "%.4f", Span: true},
		{Name: "expert_load_max_over_mean", Label: "expert load", Verb: "%.2f", Span: true}, {Name: "rank_load_max_over_mean", Label: "rank load", Verb: "%.2f", Span: true},
		{Name: "critical_path_seconds", Label: "critical path s", Verb: "%.3f", Span: true}, {Name: "moe_layer_seconds", Label: "MoE s", Verb: "%.3f", Span: true},
		{Name: "moe_layer_speedup", Label: "MoE speed-up", Verb: "%.2f×", Span: true}, {Name: "moe_layer_speedup_bound", Label: "bound", Verb: "%.2f×", Span: true},
	}, Note: "Medians over the runs of a cell, with the least and the greatest. Shares are of the pairs routed; loads are max/mean after capacity; the speed-up is " + s.gainName() + ", the bound is what the busiest rank's load allows."}
	for _, x := range s.series {
		for _, c := range x.failed {
			t.add(x.name, gammaValue(c), c.Ranks, c.Scope, 0, len(c.failures), nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil)
		}
		for _, c := range x.cells {
			share := func(part func(*result) int64) figure.Span {
				return c.over(func(r *result) float64 { return float64(part(r)) / float64(max(1, r.Routed)) })
			}
			t.add(x.name, gammaValue(c), c.Ranks, c.Scope, len(c.runs), len(c.failures), c.effective(),
				known(c.perplexity()), c.massLost(),
				share(func(r *result) int64 { return r.Kept }), share(func(r *result) int64 { return r.Rerouted }), share(func(r *result) int64 { return r.Dropped }),
				c.over(func(r *result) float64 { return r.ExpertImbalanceAfter }), c.over(func(r *result) float64 { return r.RankImbalanceAfter }),
				c.over(func(r *result) float64 { return r.CriticalPath }), c.over(func(r *result) float64 { return r.MoESeconds }),
				known(s.measured(c)), known(s.bounded(c)))
		}
	}
	t.trim()
	return t
}

// measured is the gain where the experts were computed.
func (s *setting) measured(c *cell) (figure.Span, bool) {
	g, ok := s.gain(c)
	return g, ok && s.timed
}

func (s *setting) bounded(c *cell) (figure.Span, bool) {
	b := s.bound(c)
	return b, b.Mid > 0
}

// known is nil where nothing is.
func known(v figure.Span, ok bool) any {
	if !ok {
		return nil
	}
	return v
}

func (c *cell) effective() any {
	if f := c.runs[0].result.EffectiveFactor; f != nil {
		return *f
	}
	return nil
}

// wallTable is wall time beside the critical path, marked where it shows no scaling.
func (s *setting) wallTable() Table {
	t := Table{Name: "wall", Title: "Wall time", Columns: []Column{
		{Name: "system", Label: "system"}, {Name: "capacity_factor", Label: "γ", Verb: "%g"}, {Name: "ranks", Label: "ranks", Verb: "%d"},
		{Name: "oversubscribed", Label: "oversubscribed"},
		{Name: "wall_seconds", Label: "wall s", Verb: "%.3f", Span: true}, {Name: "critical_path_seconds", Label: "critical path s", Verb: "%.3f", Span: true},
		{Name: "process_seconds", Label: "whole process s", Verb: "%.2f", Span: true},
	}, Note: "Oversubscribed: more ranks than cores on a host. Such wall time is no scaling; the critical path stands in for it. The whole process is the launcher's, with start-up and loading."}
	for _, x := range s.series {
		for _, c := range x.cells {
			mark := "no"
			if c.crowded {
				mark = "yes: no scaling"
			}
			elapsed := make([]float64, len(c.runs))
			for i, r := range c.runs {
				elapsed[i] = r.Elapsed
			}
			t.add(x.name, gammaValue(c), c.Ranks, mark, c.over(func(r *result) float64 { return r.Wall }), c.over(func(r *result) float64 { return r.CriticalPath }), spanOf(elapsed))
		}
	}
	return t
}

// failureTable is the runs that failed, and why.
func failureTable(runs []run) Table {
	t := Table{Name: "failures", Title: "Runs that failed", Columns: []Column{
		{Name: "cell", Label: "cell"}, {Name: "repeat", Label: "repeat", Verb: "%d"}, {Name: "failure", Label: "why"}, {Name: "command", Label: "command"},
	}}
	for _, r := range runs {
		if r.result == nil {
			t.add(r.Cell.ID, r.Repeat, r.Failure, strings.Join(r.Command, " "))
		}
	}
	return t
}

// environmentTable is what the runs stood on: every value with how many runs have it.
func environmentTable(runs []run) Table {
	t := Table{Name: "environment", Title: "What the runs stood on", Columns: []Column{
		{Name: "what", Label: "what"}, {Name: "value", Label: "value"}, {Name: "runs", Label: "runs", Verb: "%d"},
	}}
	for _, e := range environments {
		values, order := map[string]int{}, []string{}
		for _, r := range runs {
			v := e.of(r)
			if values[v]++; values[v] == 1 {
				order = append(order, v)
			}
		}
		for _, v := range order {
			t.add(e.name, v, values[v])
		}
	}
	return t
}
