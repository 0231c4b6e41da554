package report

import (
	"cmp"
	"fmt"
	"slices"

	"capmoe/runtime/study/figure"
)

// reference is the cell without capacity that others are compared with at a number of
// ranks: dropless, or a baseline that is; nil: there is none.
func (s *setting) reference(ranks int) *cell {
	for _, system := range []string{"dropless", "megatron-alltoall", "megatron-allgather"} {
		for _, x := range s.series {
			if x.system != system {
				continue
			}
			if at := x.at(ranks); len(at) > 0 {
				return at[0]
			}
		}
	}
	return nil
}

// gain is how many times as fast the mixture layers of a cell are as the reference's.
// Where experts were not computed it is the bound by rank load instead.
func (s *setting) gain(c *cell) (figure.Span, bool) {
	ref := s.reference(c.Ranks)
	if ref == nil {
		return figure.Span{}, false
	}
	if ref == c {
		return figure.At(1), true
	}
	g := s.bound(c)
	if s.timed {
		g = ratio(ref.mixture(), c.mixture())
	}
	return g, g.Mid > 0
}

// bound is the gain if a mixture took as long as its most loaded rank has pairs.
func (s *setting) bound(c *cell) figure.Span {
	ref := s.reference(c.Ranks)
	if ref == nil {
		return figure.Span{}
	}
	if ref == c {
		return figure.At(1)
	}
	return ratio(ref.slowest(), c.slowest())
}

// gainName is what gain is called.
func (s *setting) gainName() string {
	if s.timed {
		return "MoE-layer speed-up over " + s.referenceName()
	}
	return "bound on MoE-layer speed-up by rank load, over " + s.referenceName()
}

func (s *setting) referenceName() string {
	if ref := s.reference(s.focus); ref != nil {
		return ref.System
	}
	return "dropless"
}

// point is a cell at the setting's number of ranks, compared.
type point struct {
	series     *series
	cell       *cell
	gain       figure.Span
	mass       figure.Span
	perplexity figure.Span // zero: none was measured
	worse      float64     // perplexity over the reference's, less 1; meaningful with perplexity
}

// points are the cells at the setting's number of ranks that have a gain.
func (s *setting) points() (points []point) {
	ref := s.reference(s.focus)
	for _, x := range s.series {
		for _, c := range x.at(s.focus) {
			g, ok := s.gain(c)
			if !ok {
				continue
			}
			p := point{series: x, cell: c, gain: g, mass: c.massLost()}
			p.perplexity, _ = c.perplexity()
			p.worse, _ = change(ref, c)
			points = append(points, p)
		}
	}
	return points
}

// change is a cell's perplexity over the reference's, less 1.
func change(ref, c *cell) (float64, bool) {
	if ref == nil {
		return 0, false
	}
	whole, known := ref.perplexity()
	part, measured := c.perplexity()
	if !known || !measured {
		return 0, false
	}
	return part.Mid/whole.Mid - 1, true
}

// label names the cell of a point.
func (p point) label() string { return p.series.label(p.cell) }

// fastest is the point of the greatest gain among those that a test lets through.
func fastest(points []point, test func(point) bool) (best point, found bool) {
	for _, p := range points {
		if test(p) && (!found || p.gain.Mid > best.gain.Mid) {
			best, found = p, true
		}
	}
	return best, found
}

// byMass orders points by lost gate mass.
func byMass(points []point) []point {
	points = slices.Clone(points)
	slices.SortStableFunc(points, func(a, b point) int { return cmp.Compare(a.mass.Mid, b.mass.Mid) })
	return points
}

// twins says how far two systems are apart that do the same work, where that is more than
// a few percent: as much as other differences may be nothing.
func (s *setting) twins() string {
	const few = 0.05
	ref := s.reference(s.focus)
	if ref == nil || ref.System != "dropless" || !s.timed {
		return ""
	}
	for _, x := range s.series {
		if at := x.at(s.focus); x.system == "megatron-alltoall" && len(at) > 0 {
			g, ok := s.gain(at[0])
			if ok && max(g.Mid, 1/g.Mid)-1 > few {
				return fmt.Sprintf("On %s dropless and megatron-alltoall do the same work, and one takes %.0f %% longer: differences of this size are noise. Run more repeats.",
					count(s.focus, "rank", "ranks"), 100*(max(g.Mid, 1/g.Mid)-1))
			}
		}
	}
	return ""
}

// noise says so where an interval reaches 1.
func noise(g figure.Span) string {
	if g.Low <= 1 && g.High >= 1 && g.Low < g.High {
		return fmt.Sprintf(" (within the repeats' spread of %.2f to %.2f: no difference shown)", g.Low, g.High)
	}
	return ""
}
