package trace

import (
	"fmt"
	"math"
)

// Choices are the M recorded experts of some tokens.
type Choices struct {
	Expert []uint16  // [T, M] best first; nil: all E in order
	Score  []float32 // [T, M]
}

var negativeInfinity = float32(math.Inf(-1))

// rows lays the choices of tokens from up to to out over all experts, [to-from, E].
func (c Choices) rows(dst []float32, experts, recorded, from, to int) {
	scores := c.Score[from*recorded : to*recorded]
	if c.Expert == nil {
		copy(dst, scores)
		return
	}
	dst = dst[:(to-from)*experts]
	for i := range dst {
		dst[i] = negativeInfinity
	}
	for i, e := range c.Expert[from*recorded : to*recorded] {
		dst[i/recorded*experts+int(e)] = scores[i]
	}
}

// distinct is an error where one of the recorded experts of a token is there twice: a row holds it
// once, and the token would choose another in its place. first is the global id of the first token.
func (c Choices) distinct(experts, m, first int) error {
	last := make([]int, experts) // token whose expert it was, from 1
	for i, e := range c.Expert {
		t := i/m + 1
		if last[e] == t {
			return fmt.Errorf("token %d has expert %d twice", first+t-1, e)
		}
		last[e] = t
	}
	return nil
}

// inOrder lays choices of all experts in the experts' order.
func (c *Choices) inOrder(experts int) {
	scores := make([]float32, len(c.Score))
	for i, e := range c.Expert {
		scores[i/experts*experts+int(e)] = c.Score[i]
	}
	c.Expert, c.Score = nil, scores
}

// Add appends the recorded experts of tokens with these scores, [T, E].
func (c *Choices) Add(info Info, scores []float32) error {
	return c.best(scores, info.Experts, info.Recorded, len(c.Score)/info.Recorded)
}

// best appends the m best experts of every token in scores [T, E], higher score first,
// then lower id. first is the global id of the first token, for the error.
func (c *Choices) best(scores []float32, experts, m, first int) error {
	for t := range len(scores) / experts {
		row := scores[t*experts : (t+1)*experts]
		if m == experts {
			for e, s := range row {
				if s != s {
					return fmt.Errorf("token %d, expert %d: score NaN", first+t, e)
				}
			}
			c.Score = append(c.Score, row...)
			continue
		}
		at := len(c.Score)
		for e, s := range row {
			if s != s {
				return fmt.Errorf("token %d, expert %d: score NaN", first+t, e)
			}
			c.insert(at, m, uint16(e), s)
		}
	}
	return nil
}

// insert puts an expert in its place among the best m that begin at a place.
func (c *Choices) insert(at, m int, e uint16, s float32) {
	n := len(c.Score)
	switch {
	case n < at+m:
		c.Expert, c.Score = append(c.Expert, e), append(c.Score, s)
		n++
	case c.Score[n-1] < s:
		c.Expert[n-1], c.Score[n-1] = e, s
	default:
		return
	}
	for i := n - 1; i > at && c.Score[i-1] < c.Score[i]; i-- {
		c.Score[i-1], c.Score[i] = c.Score[i], c.Score[i-1]
		c.Expert[i-1], c.Expert[i] = c.Expert[i], c.Expert[i-1]
	}
}
