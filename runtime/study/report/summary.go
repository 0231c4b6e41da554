package report

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Paragraph is sentences under a heading.
type Paragraph struct {
	Heading   string // empty: none
	Sentences []string
}

// Highlight is a number worth a large type.
type Highlight struct{ Value, What string }

// ran says what was run.
func ran(runs []run, settings []*setting) string {
	cells := map[string]bool{}
	failed, first, last := 0, time.Time{}, time.Time{}
	for _, r := range runs {
		cells[r.Cell.ID] = true
		if r.result == nil {
			failed++
		}
		if t := r.Started; !t.IsZero() {
			if first.IsZero() || t.Before(first) {
				first = t
			}
			if t.After(last) {
				last = t
			}
		}
	}
	e := runs[0].Environment
	text := fmt.Sprintf("%s of %s", count(len(runs), "run", "runs"), count(len(cells), "cell", "cells"))
	if failed > 0 {
		text += fmt.Sprintf(", %d of them failed", failed)
	}
	if !first.IsZero() {
		text += ", " + period(first.UTC(), last.UTC())
	}
	var stood []string
	for _, part := range []string{e.Host, e.CPU, cores(e.Cores), e.MPI, e.Kernels, prefixed("commit ", short(e.Commit))} {
		if part != "" {
			stood = append(stood, part)
		}
	}
	if len(stood) > 0 {
		text += "; " + strings.Join(stood, ", ")
	}
	if len(settings) > 1 {
		text += fmt.Sprintf("; %d settings, which are not compared with each other", len(settings))
	}
	return text + "."
}

// period is when the first and the last run started.
func period(first, last time.Time) string {
	const day, clock = "2 January 2006", "15:04"
	from, to := first.Format(day+" "+clock), last.Format(clock)
	if first.Format(day) != last.Format(day) {
		to = last.Format(day + " " + clock)
	} else if first.Format(clock) == to {
		return from + " UTC"
	}
	return from + " to " + to + " UTC"
}

func cores(n int) string {
	if n == 0 {
		return ""
	}
	return count(n, "core", "cores")
}

// short is the beginning of a commit's name, with what follows the name.
func short(commit string) string {
	hash, rest, _ := strings.Cut(commit, "+")
	if len(hash) > 12 {
		hash = hash[:12]
	}
	return hash + prefixed("+", rest)
}

func prefixed(prefix, text string) string {
	if text == "" {
		return ""
	}
	return prefix + text
}

// title names a setting.
func (s *setting) title() string {
	var parts []string
	switch {
	case s.key.model != "":
		parts = append(parts, base(s.key.model))
	case s.key.shape != "":
		parts = append(parts, "shape "+s.key.shape)
	default:
		parts = append(parts, "planning only")
	}
	kind, where, _ := strings.Cut(s.key.workload, ":")
	if where != "" {
		kind += " " + base(where)
	}
	if kind != "" {
		parts = append(parts, kind)
	}
	if s.key.dtype != "" {
		parts = append(parts, s.key.dtype)
	}
	if s.key.scaling != "" {
		parts = append(parts, s.key.scaling+" scaling")
	}
	return strings.Join(parts, " · ")
}

// grid says what the setting's cells are.
func (s *setting) grid() string {
	var names []string
	for _, x := range s.series {
		names = append(names, x.name)
	}
	text := fmt.Sprintf("%s on %s ranks", list(names), numbers(s.ranks))
	if len(s.gammas) > 0 {
		words := make([]string, len(s.gammas))
		for i, g := range s.gammas {
			words[i] = fmt.Sprintf("%g", g)
		}
		text += ", capacity factors γ " + list(words)
	}
	step := fmt.Sprintf("; %d tokens a step", s.key.tokens)
	if s.key.scaling == "weak" {
		step += " and rank"
	}
	return text + step + s.length() + "."
}

// length is how many tokens the runs at the setting's number of ranks took.
func (s *setting) length() string {
	var tokens []float64
	for _, x := range s.series {
		for _, c := range x.at(s.focus) {
			tokens = append(tokens, c.over(func(r *result) float64 { return float64(r.Tokens) }).Mid)
		}
	}
	if len(tokens) == 0 {
		return ""
	}
	return fmt.Sprintf(", %s in all", span("%.0f", tokens))
}

// summary is a setting in words, and its numbers worth a large type.
func (s *setting) summary() (Paragraph, []Highlight) {
	p := Paragraph{Heading: s.title(), Sentences: []string{s.grid()}}
	if ref := s.reference(s.focus); ref != nil {
		before := ref.over(func(r *result) float64 { return r.ExpertImbalanceBefore }).Mid
		ranks := ref.over(func(r *result) float64 { return r.RankImbalanceAfter }).Mid
		text := fmt.Sprintf("Without a capacity the busiest expert of a layer gets %.2f times the mean load", before)
		if s.focus > 1 {
			text += fmt.Sprintf(", and of %d ranks the busiest %.2f times: the others wait for it", s.focus, ranks)
		}
		p.Sentences = append(p.Sentences, text+".")
	} else if len(s.ranks) > 0 {
		p.Sentences = append(p.Sentences, fmt.Sprintf("There is no dropless run on %d ranks to compare with, so no speed-up is given.", s.focus))
	}
	bought, highlights := s.bought()
	p.Sentences = append(p.Sentences, bought...)
	if f, ok := s.equal(); ok {
		p.Sentences = append(p.Sentences, "At equal loss: "+strings.ToLower(f.Finding[:1])+f.Finding[1:])
	}
	if text, light := s.scaled(); text != "" {
		p.Sentences = append(p.Sentences, text)
		highlights = append(highlights, light)
	}
	if f, ok := s.stragglers(); ok {
		p.Sentences = append(p.Sentences, "Stragglers: "+f.Finding)
	}
	return p, highlights
}

// bought says what capacity bought and cost.
func (s *setting) bought() (sentences []string, highlights []Highlight) {
	points := s.points()
	capped := func(p point) bool { return p.cell.Gamma != nil }
	best, ok := fastest(points, capped)
	if !ok {
		return nil, nil
	}
	kind := "MoE layer"
	if !s.timed {
		kind = "bound on the MoE layer"
	}
	text := fmt.Sprintf("Fastest on %s: %s, %s %.2f times as fast as %s%s, losing %s of the gate mass", count(s.focus, "rank", "ranks"), best.label(), kind, best.gain.Mid, s.referenceName(), noise(best.gain), percent(best.mass.Mid))
	if best.perplexity.Mid > 0 {
		text += fmt.Sprintf("; perplexity %.3f, %+.1f %%", best.perplexity.Mid, 100*best.worse)
	}
	sentences = append(sentences, text+"."+s.rivals(points, best))
	atAny := Highlight{fmt.Sprintf("%.2f×", best.gain.Mid), fmt.Sprintf("fastest %s at any loss, %s, %s", kind, best.label(), costs(best))}
	if best.perplexity.Mid == 0 {
		return sentences, []Highlight{atAny}
	}
	said := map[*cell]bool{}
	for _, limit := range []float64{0.01, 0.05} {
		p, ok := fastest(points, func(p point) bool { return capped(p) && p.perplexity.Mid > 0 && p.worse <= limit })
		if !ok {
			sentences = append(sentences, fmt.Sprintf("No capped system keeps perplexity within %g %%.", 100*limit))
			continue
		}
		if said[p.cell] {
			continue
		}
		said[p.cell] = true
		sentences = append(sentences, fmt.Sprintf("Fastest within %g %% of perplexity: %s, %.2f times as fast%s, perplexity %+.2f %%.", 100*limit, p.label(), p.gain.Mid, noise(p.gain), 100*p.worse))
		highlights = append(highlights, Highlight{fmt.Sprintf("%.2f×", p.gain.Mid), fmt.Sprintf("fastest %s within %g %% of perplexity, %s", kind, 100*limit, p.label())})
	}
	return sentences, append(highlights, atAny)
}

// rivals says how many capped cells the repeats do not tell from the fastest.
func (s *setting) rivals(points []point, best point) string {
	n := 0
	for _, p := range points {
		if p.cell != best.cell && p.cell.Gamma != nil && p.gain.High >= best.gain.Low && best.gain.Low < best.gain.High {
			n++
		}
	}
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(" The intervals of %s overlap its own: which is fastest is not certain.", count(n, "other cell", "other cells"))
}

func costs(p point) string {
	if p.perplexity.Mid > 0 {
		return fmt.Sprintf("perplexity %+.1f %%", 100*p.worse)
	}
	return "lost gate mass " + percent(p.mass.Mid)
}

// scaled says how far the critical path shrinks from the fewest to the most ranks.
func (s *setting) scaled() (string, Highlight) {
	if !s.timed {
		return "", Highlight{}
	}
	var parts []string
	var best scaled
	name := ""
	for _, x := range s.series {
		points := scale(s.shown(x), (*cell).critical)
		if len(points) < 2 {
			continue
		}
		last := points[len(points)-1]
		parts = append(parts, fmt.Sprintf("%s %.2f× (%.0f %%)", x.name, last.speedup.Mid, 100*last.efficiency.Mid))
		if last.efficiency.Mid > best.efficiency.Mid {
			best, name = last, x.name
		}
	}
	if len(parts) == 0 {
		return "", Highlight{}
	}
	text := fmt.Sprintf("From the fewest to the most ranks, by critical path (efficiency): %s.%s", strings.Join(parts, ", "), s.atFactor())
	return text, Highlight{fmt.Sprintf("%.0f %%", 100*best.efficiency.Mid), fmt.Sprintf("best efficiency on %d ranks, %s, by critical path", best.cell.Ranks, name)}
}

// headline is the cells at the setting's number of ranks with the numbers that decide.
func (s *setting) headline() Table {
	t := Table{Name: "headline", Title: fmt.Sprintf("On %s", count(s.focus, "rank", "ranks")), Columns: []Column{
		{Name: "system", Label: "system"}, {Name: "capacity_factor", Label: "γ", Verb: "%g"},
		{Name: "perplexity", Label: "perplexity", Verb: "%.3f"}, {Name: "perplexity_change", Label: "change", Verb: "%+.2f %%"},
		{Name: "gate_mass_lost", Label: "lost gate mass", Verb: "%.4f"},
		{Name: "speedup", Label: "MoE speed-up", Verb: "%.2f×", Span: true}, {Name: "bound", Label: "bound by rank load", Verb: "%.2f×"},
	}, Note: "Speed-up: " + s.gainName() + ", on the critical path. Medians, in brackets the widest interval that the repeats allow."}
	if !s.timed {
		t.Columns = slices.Delete(t.Columns, 5, 6)
		t.Note = "The bound: " + s.gainName() + "."
	}
	for _, p := range s.points() {
		var ppl, worse any
		if p.perplexity.Mid > 0 {
			ppl, worse = p.perplexity.Mid, 100*p.worse
		}
		row := []any{p.series.name, gammaValue(p.cell), ppl, worse, p.mass.Mid}
		if s.timed {
			row = append(row, p.gain)
		}
		t.add(append(row, s.bound(p.cell).Mid)...)
	}
	return t
}
