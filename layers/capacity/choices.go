package capacity

import "math"

// A token ranks its experts: higher score first, then lower expert id. An expert of
// score -Inf is no candidate.

// topChoices writes the ids of the best len(dst) experts of one token, best first,
// and -1 where there are fewer candidates.
func topChoices(dst []int32, scores []float32) {
	n := 0
	worst := float32(math.Inf(-1)) // that a score has to beat
	for e, s := range scores {
		if s <= worst {
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
		if n == len(dst) {
			worst = scores[dst[n-1]]
		}
	}
	for i := n; i < len(dst); i++ {
		dst[i] = -1
	}
}
