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
	for _, p := range s.points() {
		var ppl, worse, up any
		if p.perplexity.Mid > 0 {
			ppl, worse = p.perplexity.Mid, 100*p.worse
		}
		if s.timed {
			up = p.gain
		}
		t.add(p.series.name, gammaValue(p.cell), ppl, worse, p.mass.Mid, up, s.bound(p.cell).Mid)
	}
	t.trim()
	return t
}
