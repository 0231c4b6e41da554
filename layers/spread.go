package layers

import (
	"fmt"

	"capmoe/collective"
	"capmoe/layers/kernel"
)

// Spread is a sequence whose tokens of a step are brought by several ranks, a piece here and a
// piece there, so that one long prompt keeps all of them busy. All ranks hold the same, and
// attend with the keys and values of all pieces. Pieces begin at multiples of PageTokens, so
// that hidden states are, bit for bit, those of the sequence whole.
type Spread struct {
	Past   int     // tokens before this step, a multiple of PageTokens
	Pieces []Piece // one behind the other
	Cache  *Cache  // of Past tokens, on this rank; nil where nothing follows. The step adds all tokens
}

// Piece is some neighbouring tokens of a sequence, and the rank that brings them.
type Piece struct {
	Rank  int
	First int // place in what the sequence brings to the step
	N     int // tokens
}

// Tokens is how many the sequence brings to the step, over all ranks.
func (s Spread) Tokens() int {
	last := s.Pieces[len(s.Pieces)-1]
	return last.First + last.N
}

// spreader brings the keys and values of spread sequences to every rank.
//
//	own pieces' rows [n, width] ═allgather═ rows by rank ─ pages of the cache, or rows [tokens, width] of each sequence
type spreader struct {
	comm   collective.Communicator
	lib    kernel.Library
	send   []float32
	recv   []float32
	counts []int       // [P] elements
	at     []int       // [P] the next of a rank's rows in recv
	rows   [][]float32 // [sequences] of those without a cache
	views  []paged     // [sequences]
}

func newSpreader(c collective.Communicator, lib kernel.Library) *spreader {
	return &spreader{comm: c, lib: lib, counts: make([]int, c.Size()), at: make([]int, c.Size())}
}

// share returns the rows of every spread sequence, its past among them, in a layer. row fills in
// that of one of this rank's tokens. All ranks call it together.
func (g *spreader) share(b Batch, layer, width int, row func(dst []float32, t int)) ([]paged, error) {
	clear(g.counts)
	for _, s := range b.Spread {
		for _, p := range s.Pieces {
			g.counts[p.Rank] += p.N * width
		}
	}
	total := 0
	for r, n := range g.counts {
		g.at[r] = total
		total += n
	}
	first := b.whole()
	g.send, g.recv = grow(g.send, (len(b.IDs)-first)*width), grow(g.recv, total)
	newByRows(g.lib, func(_, from, end int) {
		for t := from; t < end; t++ {
			row(g.send[t*width:(t+1)*width], first+t)
		}
	}).run(len(b.IDs) - first)
	if err := collective.AllGatherV(g.comm, g.recv, g.counts, g.send); err != nil {
		return nil, fmt.Errorf("layers: layer %d: attention: %w", layer, err)
	}
	return g.place(b, layer, width), nil
}

// place lays out what has come.
func (g *spreader) place(b Batch, layer, width int) []paged {
	g.views = g.views[:0]
	for i, s := range b.Spread {
		for len(g.rows) <= i {
			g.rows = append(g.rows, nil)
		}
		n := s.Tokens()
		var view paged
		if s.Cache == nil {
			g.rows[i] = grow(g.rows[i], n*width)
			view = paged{pages: [][]float32{g.rows[i]}, rows: n, stride: width}
		}
		for _, p := range s.Pieces {
			came := g.recv[g.at[p.Rank]:][:p.N*width]
			g.at[p.Rank] += len(came)
			newByRows(g.lib, func(_, first, end int) {
				if s.Cache == nil {
					copy(g.rows[i][(p.First+first)*width:], came[first*width:end*width])
					return
				}
				for t := first; t < end; t++ {
					s.Cache.store(layer, s.Past+p.First+t, came[t*width:(t+1)*width])
				}
			}).run(p.N)
		}
		if s.Cache != nil {
			view = s.Cache.rows(layer)
		}
		g.views = append(g.views, view)
	}
	return g.views
}

// check fails on pieces that do not follow each other, or do not begin with a page.
func (s Spread) check() error {
	if len(s.Pieces) == 0 || s.Past%PageTokens != 0 {
		return fmt.Errorf("%d pieces behind %d tokens, want 1 or more behind a multiple of %d", len(s.Pieces), s.Past, PageTokens)
	}
	if s.Cache != nil && s.Cache.length != s.Past {
		return fmt.Errorf("a cache of %d tokens, past are %d", s.Cache.length, s.Past)
	}
	next := 0
	for _, p := range s.Pieces {
		if p.First != next || p.First%PageTokens != 0 || p.N < 1 {
			return fmt.Errorf("piece of %d tokens at %d, want the next at %d, a multiple of %d", p.N, p.First, next, PageTokens)
		}
		next += p.N
	}
	if s.Past > 0 && s.Cache == nil {
		return fmt.Errorf("%d past tokens without a cache", s.Past)
	}
	return nil
}
