package trace

import (
	"errors"
	"io"
)

// Cut gives a stream's tokens in steps of the given size, the last one smaller where
// they do not divide. 0 leaves the steps as they are.
func Cut(s Stream, tokens int) Stream {
	if tokens == 0 {
		return s
	}
	return &cut{Stream: s, tokens: tokens}
}

type cut struct {
	Stream
	tokens int
	parts  []part // read and not yet given
	held   int    // tokens in parts
	number int
	first  int
}

// part is some tokens of a step of the stream beneath.
type part struct {
	step     Step
	from, to int
}

func (c *cut) Next() (Step, error) {
	for c.held < c.tokens {
		step, err := c.Stream.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return Step{}, err
		}
		c.parts = append(c.parts, part{step, 0, step.Tokens})
		c.held += step.Tokens
	}
	if c.held == 0 {
		return Step{}, io.EOF
	}
	return c.take(min(c.tokens, c.held)), nil
}

// Total implements Sized.
func (c *cut) Total() int { return Total(c.Stream) }

// take makes a step of the first n tokens held.
func (c *cut) take(n int) Step {
	var parts []part
	for left := n; left > 0; {
		p := c.parts[0]
		if size := p.to - p.from; size <= left {
			c.parts = c.parts[1:]
		} else {
			c.parts[0].from, p.to = p.from+left, p.from+left
		}
		parts = append(parts, p)
		left -= p.to - p.from
	}
	experts := c.Info().Experts
	step := Step{Number: c.number, First: c.first, Tokens: n, Requests: requestsOf(parts)}
	step.rows = func(dst []float32, i, from, to int) {
		at := 0 // the step's token that a part begins with
		for _, p := range parts {
			size := p.to - p.from
			lo, hi := max(from, at), min(to, at+size)
			if lo < hi {
				p.step.rows(dst[(lo-from)*experts:], i, p.from+lo-at, p.from+hi-at)
			}
			at += size
		}
	}
	if len(parts) == 1 && parts[0].step.Tokens == n {
		step.share = parts[0].step.share
	}
	c.number++
	c.first += n
	c.held -= n
	return step
}

// requestsOf is the runs of the parts, or nil where those of one are not known.
func requestsOf(parts []part) (runs []Run) {
	for _, p := range parts {
		if p.step.Requests == nil {
			return nil
		}
		at := 0
		for _, r := range p.step.Requests {
			n := int(r.Tokens)
			if lo, hi := max(p.from, at), min(p.to, at+n); lo < hi {
				runs = appendRun(runs, Run{r.Request, uint32(hi - lo)})
			}
			at += n
		}
	}
	return runs
}

// appendRun adds a run, to the last one where it goes on.
func appendRun(runs []Run, r Run) []Run {
	if n := len(runs); n > 0 && runs[n-1].Request == r.Request {
		runs[n-1].Tokens += r.Tokens
		return runs
	}
	return append(runs, r)
}
