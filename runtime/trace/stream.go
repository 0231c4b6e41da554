package trace

import (
	"errors"
	"io"
)

// Stream gives the routing of tokens step by step. It reads no further than it is
// asked to.
type Stream interface {
	Info() Info
	// Next is the next step, or io.EOF after the last.
	Next() (Step, error)
	Close() error
}

// Sized is a Stream that knows from the beginning how many tokens it has. 0: it does not.
type Sized interface{ Total() int }

// Total is how many tokens a stream has; 0: not known.
func Total(s Stream) int {
	if sized, ok := s.(Sized); ok {
		return sized.Total()
	}
	return 0
}

// Step is the routing of consecutive tokens in all layers of a trace.
type Step struct {
	Number   int   // from 0
	First    int   // global id in the trace of its first token
	Tokens   int   // T, at least 1
	Requests []Run // whose tokens they are, in order; nil: not known

	// rows writes the scores [to-from, E] of the step's tokens from up to to in the i-th
	// layer of the trace.
	rows func(dst []float32, i, from, to int)
	// share is a rank's part of the step; nil: equal blocks in order of rank.
	share func(rank, ranks int) (from, to int)
}

// Run is consecutive tokens of one request.
type Run struct {
	Request uint32
	Tokens  uint32
}

// Rows writes the scores of the step's tokens from up to to in the i-th layer of the
// trace, [to-from, E], into dst. An expert that is no candidate, or whose score is not
// known, gets -Inf.
func (s Step) Rows(dst []float32, i, from, to int) { s.rows(dst, i, from, to) }

// Share is the block of the step's tokens that a rank has, when nobody says otherwise.
func (s Step) Share(rank, ranks int) (from, to int) {
	if s.share != nil {
		return s.share(rank, ranks)
	}
	return rank * s.Tokens / ranks, (rank + 1) * s.Tokens / ranks
}

// Each reads a stream to its end.
func Each(s Stream, do func(Step) error) error {
	for {
		step, err := s.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = do(step)
		}
		if err != nil {
			return err
		}
	}
}
