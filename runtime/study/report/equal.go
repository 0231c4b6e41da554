package report

import (
	"cmp"
	"fmt"
	"slices"

	"capmoe/runtime/study/figure"
)

// targets are the lost gate masses at which systems are compared.
var targets = []float64{0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4}

// between is the gain, and the perplexity if known, of a series where it loses a mass:
// on the straight line between the two points around it. Beyond its points there is none.
func between(points []point, mass float64) (gain, perplexity figure.Span, found bool) {
	for i := 1; i < len(points); i++ {
		a, b := points[i-1], points[i]
		if mass < a.mass.Mid || mass > b.mass.Mid || a.mass.Mid == b.mass.Mid {
			continue
		}
		part := (mass - a.mass.Mid) / (b.mass.Mid - a.mass.Mid)
		return along(a.gain, b.gain, part), along(a.perplexity, b.perplexity, part), true
	}
	return figure.Span{}, figure.Span{}, false
}

func along(a, b figure.Span, part float64) figure.Span {
	on := func(x, y float64) float64 { return x + part*(y-x) }
	return figure.Span{Mid: on(a.Mid, b.Mid), Low: on(a.Low, b.Low), High: on(a.High, b.High)}
}

// equal compares systems where they lose the same gate mass.
func (s *setting) equal() (Figure, bool) {
	f := Figure{Name: "equal-mass", Title: "Speed-up at equal lost gate mass", Data: Table{Columns: []Column{
		{Name: "gate_mass_lost", Label: "lost gate mass", Verb: "%g"}, {Name: "system", Label: "system"},
		{Name: "speedup", Label: "MoE speed-up", Verb: "%.3f×", Span: true}, {Name: "perplexity", Label: "perplexity", Verb: "%.3f", Span: true},
	}}}
	curves := map[*series][]point{}
	for _, p := range byMass(s.points()) {
		if p.cell.Gamma != nil {
			curves[p.series] = append(curves[p.series], p)
		}
	}
	at := map[*series][]figure.Point{}
	var used []float64
	best, second, where, most := point{}, point{}, 0.0, 0
	for _, mass := range targets {
		var here []point
		for _, x := range s.series {
			if g, ppl, ok := between(curves[x], mass); ok {
				here = append(here, point{series: x, gain: g, perplexity: ppl})
			}
		}
		if len(here) < 2 {
			continue
		}
		used = append(used, mass)
		slices.SortStableFunc(here, func(a, b point) int { return cmp.Compare(b.gain.Mid, a.gain.Mid) })
		if len(here) > most {
			best, second, where, most = here[0], here[1], mass, len(here)
		}
		for _, p := range here {
			at[p.series] = append(at[p.series], figure.Point{X: figure.At(mass), Y: p.gain})
			var ppl any
			if p.perplexity.Mid > 0 {
				ppl = p.perplexity
			}
			f.Data.add(mass, p.series.name, p.gain, ppl)
		}
	}
	if len(used) == 0 {
		return f, false
	}
	lines := figure.Lines{Apart: true, X: figure.Axis{Label: "lost gate mass, share of all", Ticks: used}, Y: figure.Axis{Label: s.gainName() + ", ×"}}
	if len(used) > 3 {
		lines.X.Log = true
	}
	for _, x := range s.series {
		if line := x.line(); len(at[x]) > 0 {
			line.Points = at[x]
			lines.Series = append(lines.Series, line)
		}
	}
	f.Drawing = lines
	f.Finding = fmt.Sprintf("Where %s of the gate mass is lost, %s is fastest (%.2f×), then %s (%.2f×).", percent(where), best.series.name, best.gain.Mid, second.series.name, second.gain.Mid)
	f.Caption = fmt.Sprintf("Two systems compare only where they lose the same. On %d ranks, on straight lines between each system's capacity factors, never beyond them; a system that loses less than a mass at its least γ is not there.", s.focus) + intervals
	return f, true
}

// percent shows a share.
func percent(v float64) string { return fmt.Sprintf("%.3g %%", 100*v) }
