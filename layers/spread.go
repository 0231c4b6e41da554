package layers

import (
	"fmt"

	"capmoe/collective"
	"capmoe/layers/kernel"
)

// Spread is a sequence whose tokens of a step are brought by several ranks, a piece here and a
// piece there, so that one long prompt keeps all of them busy. All ranks hold the same, and
// attend with the keys and values of all pieces. Pieces begin at multiples of PageTokens and are of two tokens or
// more (Pages), so that hidden states are, bit for bit, those of the sequence whole.
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
//	own pieces' rows [n, width] ═allgather═ rows by rank ─ pages of the cache, or of one for the layer
type spreader struct {
	comm   collective.Communicator
	keeper *keeper
	send   kernel.Values
	recv   kernel.Values
	counts []int   // [P] elements
	at     []int   // [P] the next of a rank's rows in recv
	views  []paged // [sequences]

	filling, placing *byRows
	first            int // of this rank's tokens in pieces
	came             kernel.Values
	cache            *Cache
	layer, pos       int
}

func newSpreader(c collective.Communicator, lib kernel.Library, k *keeper) *spreader {
	g := &spreader{comm: c, keeper: k, counts: make([]int, c.Size()), at: make([]int, c.Size())}
	g.filling, g.placing = newByRows(lib, g.fill), newByRows(lib, g.place)
	return g
}

// share returns the rows of every spread sequence, its past among them, in a layer. All ranks call it together.
func (g *spreader) share(b Batch, layer int) ([]paged, error) {
	width := g.keeper.pool.width()
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
	g.first = b.whole()
	n := len(b.IDs) - g.first
	g.send, g.recv = growValues(g.send, g.keeper.pool.dtype, n*width), growValues(g.recv, g.keeper.pool.dtype, total)
	g.filling.run(n)
	if err := g.gather(); err != nil {
		return nil, fmt.Errorf("layers: layer %d: attention: %w", layer, err)
	}
	g.views = g.views[:0]
	for _, s := range b.Spread {
		g.views = append(g.views, g.keep(s, layer))
	}
	return g.views, nil
}

func (g *spreader) gather() error {
	if g.send.BF16 != nil {
		return collective.AllGatherV(g.comm, g.recv.BF16, g.counts, g.send.BF16)
	}
	return collective.AllGatherV(g.comm, g.recv.F32, g.counts, g.send.F32)
}

// fill makes the rows of tokens [from, end) of this rank's pieces ready to be sent.
func (g *spreader) fill(_, from, end int) {
	width := g.keeper.pool.width()
	for t := from; t < end; t++ {
		g.keeper.row(g.send.Slice(t*width, (t+1)*width), g.first+t)
	}
}

// keep puts the rows of a sequence where attention finds them.
func (g *spreader) keep(s Spread, layer int) paged {
	g.cache, g.layer = g.keeper.home(s.Cache, layer, s.Tokens())
	for _, p := range s.Pieces {
		n := p.N * g.keeper.pool.width()
		g.came, g.pos = g.recv.Slice(g.at[p.Rank], g.at[p.Rank]+n), s.Past+p.First
		g.at[p.Rank] += n
		g.placing.run(p.N)
	}
	return g.cache.rows(g.layer)
}

// place keeps the rows [first, end) of a piece that have come.
func (g *spreader) place(_, first, end int) {
	width := g.keeper.pool.width()
	for t := first; t < end; t++ {
		g.cache.store(g.layer, g.pos+t, g.came.Slice(t*width, (t+1)*width))
	}
}

// growValues returns n values of a type in the same memory where it suffices.
func growValues(v kernel.Values, dtype kernel.DType, n int) kernel.Values {
	if v.Cap() < max(1, n) {
		return kernel.NewValues(dtype, n)
	}
	return v.Slice(0, n)
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
		if p.N == 1 && s.Past+p.First > 0 {
			return fmt.Errorf("a piece of one token at %d, want it with the piece before", s.Past+p.First)
		}
		next += p.N
	}
	if s.Past > 0 && s.Cache == nil {
		return fmt.Errorf("%d past tokens without a cache", s.Past)
	}
	return nil
}
