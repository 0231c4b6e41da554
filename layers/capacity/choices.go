package capacity

import "math"

// A token ranks its experts: higher score first, then lower expert id. An expert of
// score -Inf is no candidate.

// MaxScore is the largest router score. What scores sum up to has room below it.
const MaxScore = 1 << 24

// chooser finds the best experts of one token after another.
type chooser struct {
	best    []int32 // [K] the best of every K-th expert
	present []int32 // [E] experts that may be among the best
	sorted  []int64 // [K]
}

// negativeInfinity is the order of -Inf.
var negativeInfinity = scoreOrder(float32(math.Inf(-1)))

// top writes the ids of the best len(dst) experts of one token, best first, and -1
// where there are fewer candidates. order [E] is set to the scores as integers of the
// same order. ok is false if a score is NaN or above MaxScore.
//
// The K experts that are each the best of every K-th one bound the K-th best score
// from below. Few experts reach that bound, and only they are sorted.
func (c *chooser) top(dst, order []int32, scores []float32) (ok bool) {
	c.present = resize(c.present, len(scores))
	c.best = resize(c.best, len(dst))
	for i := range c.best {
		c.best[i] = negativeInfinity
	}
	ok = true
	at := 0
	for e, s := range scores {
		o := scoreOrder(s)
		order[e] = o
		c.best[at] = max(c.best[at], o)
		if at++; at == len(c.best) {
			at = 0
		}
		if !(s <= MaxScore) {
			ok = false
		}
	}
	bound := c.best[0]
	for _, o := range c.best[1:] {
		bound = min(bound, o)
	}
	n := 0
	for e, o := range order {
		c.present[n] = int32(e)
		if o >= bound {
			n++
		}
	}
	c.sortBest(dst, order, c.present[:n])
	return ok
}

// sortBest writes the best of some experts. Each goes through the sorted list as
// order and id in one integer, which needs no branch that scores decide.
func (c *chooser) sortBest(dst, order, experts []int32) {
	c.sorted = resize(c.sorted, len(dst))
	for i := range c.sorted {
		c.sorted[i] = math.MinInt64
	}
	for _, e := range experts {
		v := int64(order[e])<<32 | int64(math.MaxInt32-e) // of equal orders the lower id is larger
		for i, w := range c.sorted {
			c.sorted[i] = max(v, w)
			v = min(v, w)
		}
	}
	for i, v := range c.sorted {
		dst[i] = math.MaxInt32 - int32(v&math.MaxInt32)
		if int32(v>>32) <= negativeInfinity {
			dst[i] = -1
		}
	}
}

// nextBest is the best expert after `after` in a token's ranking among those whose
// order reaches their bar, or -1. It has no branch that scores decide.
func nextBest(order, bars []int32, after int32) int32 {
	bars = bars[:len(order)]
	bound := int64(order[after])
	best, next := int64(negativeInfinity), int64(-1)
	for e, o := range order {
		o := int64(o)
		worse := int64(0) // after the last choice, equals follow it
		if int32(e) > after {
			worse = 1
		}
		take := (best - o) & (int64(bars[e]) - 1 - o) & (o - bound - worse) >> 63
		best ^= (best ^ o) & take
		next ^= (next ^ int64(e)) & take
	}
	return int32(next)
}
