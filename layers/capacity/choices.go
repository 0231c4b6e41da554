package capacity

import "math"

// A token ranks its experts: higher score first, then lower expert id. An expert of
// score -Inf is no candidate.

// topChoices writes the ids of the best len(dst) experts of one token, best first,
// and -1 where there are fewer candidates.
func topChoices(dst []int32, scores []float32) {
	n := 0
	for e, s := range scores {
		if math.IsInf(float64(s), -1) {
			continue
		}
		if n == len(dst) && s <= scores[dst[n-1]] {
			continue
		}
		if n < len(dst) {
			n++
		}
		i := n - 1
		for ; i > 0 && s > scores[dst[i-1]]; i-- {
			dst[i] = dst[i-1]
		}
		dst[i] = int32(e)
	}
	for i := n; i < len(dst); i++ {
		dst[i] = -1
	}
}

// nextChoice is the best expert after `after` in the token's ranking, or -1.
func nextChoice(scores []float32, after int32) int32 {
	bound := scores[after]
	next := int32(-1)
	best := float32(math.Inf(-1))
	for e, s := range scores {
		if s > best && (s < bound || s == bound && int32(e) > after) {
			next, best = int32(e), s
		}
	}
	return next
}
