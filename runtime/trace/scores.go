package trace

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
)

// scorer makes the scores of tokens, one after another.
type scorer struct {
	noise []float64 // [E]
	order []int     // [E]
}

// softmax writes the softmax of the scorer's noise to a token's scores.
func (s *scorer) softmax(row []float32) {
	top, sum := slices.Max(s.noise), 0.0
	for i, v := range s.noise {
		s.noise[i] = math.Exp(v - top)
		sum += s.noise[i]
	}
	for e, v := range s.noise {
		row[e] = float32(v / sum)
	}
}

// draw fills the noise with one value per expert.
func (s *scorer) draw(experts int, value func() float64) {
	s.noise = s.noise[:0]
	for range experts {
		s.noise = append(s.noise, value())
	}
}

// prefer exchanges noise so that the given experts have the largest of it, the first one
// most.
func (s *scorer) prefer(experts []int) {
	s.order = s.order[:0]
	for e := range s.noise {
		s.order = append(s.order, e)
	}
	slices.SortStableFunc(s.order, func(a, b int) int { return cmp.Compare(s.noise[b], s.noise[a]) })
	for i, e := range experts {
		best := s.order[i]
		s.noise[best], s.noise[e] = s.noise[e], s.noise[best]
		at := slices.Index(s.order, e)
		s.order[i], s.order[at] = s.order[at], s.order[i]
	}
}

// gumbel is a draw of the standard Gumbel distribution: of logits with it, an expert's is
// the largest with a probability in proportion to the exponential of its logit.
func gumbel(r *rand.Rand) float64 { return -math.Log(r.ExpFloat64()) }
