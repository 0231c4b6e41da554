package report

import (
	"fmt"
	"strings"
)

// Paragraph is sentences under a heading.
type Paragraph struct {
	Heading   string // empty: none
	Sentences []string
}

// Highlight is a number worth a large type.
type Highlight struct{ Value, What string }

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
		p.Sentences = append(p.Sentences, "At equal loss: "+lower(f.Finding))
	}
	if text, light := s.scaled(); text != "" {
		p.Sentences = append(p.Sentences, text)
		highlights = append(highlights, light)
	}
	if f, ok := s.stragglers(); ok {
		p.Sentences = append(p.Sentences, "Stragglers: "+lower(f.Finding))
	}
	return p, highlights
}

// lower begins a sentence as the rest of another.
func lower(sentence string) string { return strings.ToLower(sentence[:1]) + sentence[1:] }

// bought says what capacity bought and cost.
func (s *setting) bought() (sentences []string, highlights []Highlight) {
	points := s.points()
	capped := func(p point) bool { return p.cell.Gamma != nil }
	best, ok := fastest(points, capped)
	if !ok {
		return nil, nil
	}
	text := fmt.Sprintf("Fastest on %s: %s, MoE layer %.2f times as fast as %s%s", count(s.focus, "rank", "ranks"), best.label(), best.gain.Mid, s.referenceName(), noise(best.gain))
	switch {
	case s.timed && best.gain.Mid <= 1:
		text = fmt.Sprintf("No system with a capacity is faster than %s on %s; the nearest is %s, MoE layer %.2f times as fast%s", s.referenceName(), count(s.focus, "rank", "ranks"), best.label(), best.gain.Mid, noise(best.gain))
	case !s.timed:
		text = fmt.Sprintf("Most even on %s: %s, whose busiest rank allows a MoE layer %.2f times as fast as %s", count(s.focus, "rank", "ranks"), best.label(), best.gain.Mid, s.referenceName())
	}
	text += fmt.Sprintf(", losing %s of the gate mass", percent(best.mass.Mid))
	if best.perplexity.Mid > 0 {
		text += fmt.Sprintf("; perplexity %.3f, %+.1f %%", best.perplexity.Mid, 100*best.worse)
	}
	sentences = append(sentences, text+"."+s.rivals(points, best))
	atAny := Highlight{fmt.Sprintf("%.2f×", best.gain.Mid), fmt.Sprintf("fastest MoE layer at any loss, %s, %s%s", best.label(), costs(best), noise(best.gain))}
	if !s.timed {
		atAny.What = fmt.Sprintf("highest bound on a MoE layer's speed-up, %s, %s", best.label(), costs(best))
	}
	switch {
	case s.timed && best.gain.Mid <= 1:
		return sentences, nil // nor is any with a limit on its perplexity
	case best.perplexity.Mid == 0:
		return sentences, []Highlight{atAny}
	}
	said := map[*cell]bool{}
	for _, limit := range []float64{0.01, 0.05} {
		p, ok := fastest(points, func(p point) bool { return capped(p) && p.perplexity.Mid > 0 && p.worse <= limit && p.gain.Mid > 1 })
		if !ok {
			sentences = append(sentences, fmt.Sprintf("Within %g %% of perplexity no capped system is faster than %s.", 100*limit, s.referenceName()))
			continue
		}
		if said[p.cell] {
			continue
		}
		said[p.cell] = true
		sentences = append(sentences, fmt.Sprintf("Fastest within %g %% of perplexity: %s, %.2f times as fast%s, perplexity %+.2f %%.", 100*limit, p.label(), p.gain.Mid, noise(p.gain), 100*p.worse))
		highlights = append(highlights, Highlight{fmt.Sprintf("%.2f×", p.gain.Mid), fmt.Sprintf("fastest MoE layer within %g %% of perplexity, %s%s", 100*limit, p.label(), noise(p.gain))})
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
