package report

import "fmt"

// headline is the cells at the setting's number of ranks with the numbers that decide.
func (s *setting) headline() Table {
	t := Table{Name: "headline", Title: fmt.Sprintf("On %s", count(s.focus, "rank", "ranks")), Columns: []Column{
		{Name: "system", Label: "system"}, {Name: "capacity_factor", Label: "γ", Verb: "%g"},
		{Name: "perplexity", Label: "perplexity", Verb: "%.3f"}, {Name: "perplexity_change", Label: "change", Verb: "%+.2f %%"},
		{Name: "gate_mass_lost", Label: "lost gate mass", Verb: "%.4f"},
		{Name: "speedup", Label: "MoE speed-up", Verb: "%.2f×", Span: true}, {Name: "bound", Label: "bound by rank load", Verb: "%.2f×"},
	}, Note: "Speed-up: " + s.gainName() + ", on the critical path. Medians, in brackets the widest interval that the repeats allow."}
	if !s.timed {
		t.Note = "The bound: " + s.gainName() + "."
	}
	ref := s.reference(s.focus)
	for _, x := range s.series {
		for _, c := range x.at(s.focus) {
			var ppl, worse, bound any
			if v, ok := c.perplexity(); ok {
				ppl = v.Mid
				if change, ok := change(ref, c); ok {
					worse = 100 * change
				}
			}
			if b, ok := s.bounded(c); ok {
				bound = b.Mid
			}
			t.add(x.name, gammaValue(c), ppl, worse, c.massLost().Mid, known(s.measured(c)), bound)
		}
	}
	t.trim()
	return t
}
