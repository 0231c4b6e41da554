package report

import (
	"fmt"
	"slices"

	"capmoe/layers"
	"capmoe/runtime/study/figure"
)

// phaseNames are the phases of the cells in the order of bars: what is not the mixture's
// first, then the mixture's, in the order of a token; unknown ones last.
func phaseNames(cells []*cell) (names []string) {
	seen := map[string]bool{}
	for _, c := range cells {
		for _, r := range c.runs {
			for phase := range r.result.Seconds {
				seen[phase] = true
			}
		}
	}
	for _, mixture := range []bool{false, true} {
		for p := range layers.Phases {
			if p.InMoE() == mixture && seen[p.String()] {
				names = append(names, p.String())
				delete(seen, p.String())
			}
		}
	}
	return append(names, sorted(seen)...)
}

// phases is the time of each phase, stacked, of every cell at the setting's ranks.
func (s *setting) phases() (Figure, bool) {
	var cells []*cell
	for _, x := range s.series {
		cells = append(cells, x.at(s.focus)...)
	}
	names := phaseNames(cells)
	f := Figure{Name: "phases", Title: "Time per phase", Wide: true, Data: Table{Columns: []Column{
		{Name: "system", Label: "system"}, {Name: "capacity_factor", Label: "γ", Verb: "%g"}, {Name: "ranks", Label: "ranks", Verb: "%d"},
		{Name: "phase", Label: "phase"}, {Name: "seconds_per_million_tokens", Label: "s per 10⁶ tokens", Verb: "%.3f", Span: true},
	}}}
	bars := figure.Bars{X: "seconds on the critical path per million tokens", Parts: names}
	for i, x := range s.series {
		for j, c := range x.at(s.focus) {
			bar := figure.Bar{Label: x.label(c), Color: x.color(), Total: c.critical(), Apart: i > 0 && j == 0}
			for _, phase := range names {
				v := c.perMillion(func(r *result) float64 { return r.Seconds[phase] })
				bar.Parts = append(bar.Parts, v.Mid)
				f.Data.add(x.name, gammaValue(c), c.Ranks, phase, v)
			}
			bar.Note = fmt.Sprintf("%.3g", bar.Total.Mid)
			if g, ok := s.gain(c); ok && s.timed {
				bar.Note += fmt.Sprintf(" · MoE %.2f×", g.Mid)
			}
			bars.Bars = append(bars.Bars, bar)
		}
	}
	f.Drawing = bars
	if len(names) == 0 || len(bars.Bars) == 0 {
		return f, false
	}
	f.Finding = s.dearest(names, bars)
	f.Caption = fmt.Sprintf("On %d ranks, the medians of the phases; the line on a bar reaches from the least to the greatest sum over the repeats. Beside it the sum and the %s. Grey phases are not the mixture's.", s.focus, s.gainName())
	return f, true
}

// dearest says which phase takes most of the first bar.
func (s *setting) dearest(names []string, bars figure.Bars) string {
	bar := bars.Bars[0]
	most := slices.Index(bar.Parts, slices.Max(bar.Parts))
	sum := 0.0
	for _, v := range bar.Parts {
		sum += v
	}
	if sum == 0 {
		return "No phase took measurable time."
	}
	totals := make([]float64, len(bars.Bars))
	for i, b := range bars.Bars {
		totals[i] = b.Total.Mid
	}
	return fmt.Sprintf("Of %s, %s takes most: %s of its time. All bars together reach from %s seconds per million tokens.", bar.Label, names[most], percent(bar.Parts[most]/sum), span("%.1f", totals))
}
