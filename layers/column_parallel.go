package layers

import (
	"errors"
	"fmt"

	"capmoe/collective"
	"capmoe/layers/capacity"
	"capmoe/layers/kernel"
)

// columnParallel has the ranks of a node, the mates, share the products of dense matrices, which each of them holds whole,
// in steps of few rows: such a product takes as long as its weights take to come from memory. Each computes some of the output columns for
// the rows of all, so that a node reads a matrix once, whoever has the rows. The bits of a result are the same, whoever computes it.
//
//	rows of each mate ─ the first part of a window [rows, in features] ═▶ every mate: its columns
//	results of each ◀═ the second part [rows, out features] ◀───────────────────┘
//
// A product has two meetings, between which rows are read and results written. Mates have read the results of one product when
// they come to the first meeting of the next, and its rows when they come to the second: neither part is written too early.
// In front of both, every part has two heads, used in turns: how many rows its mate has.
type columnParallel struct {
	self   int
	first  []int             // [mates+1] the first row of each mate in this step
	window collective.Window // nil: no mates, or no memory to share with them
	opened int
	on     bool  // products of this step are shared
	fault  error // the first of a meeting; there are no results from then on
}

const (
	mostShared = 64 // rows of a node's ranks whose products are shared
	headLine   = 64 / 4
	headLines  = 2 * headLine // values in front of rows and results
)

// newColumnParallel prepares it for the ranks of this one's node. All ranks of c call it.
func newColumnParallel(c collective.Communicator, l capacity.Layout) (*columnParallel, error) {
	node, err := c.Split(int(l.RankNode[c.Rank()]), c.Rank())
	if err != nil {
		return nil, err
	}
	p := &columnParallel{self: node.Rank(), first: make([]int, node.Size()+1)}
	if node.Size() == 1 {
		return p, node.Free()
	}
	p.window, err = collective.Share(node, 4*headLines)
	if errors.Is(err, collective.ErrNotShared) {
		p.window = nil
		return p, node.Free()
	}
	return p, err
}

// open begins products with so many rows of this rank. All ranks call it together.
func (p *columnParallel) open(rows int) error {
	if p.window == nil {
		return nil
	}
	p.opened++
	at := p.opened % 2 * headLine
	collective.PartOf[int32](p.window, p.self)[at] = int32(rows)
	if err := p.meet(); err != nil {
		return fmt.Errorf("layers: rows of a node's ranks: %w", err)
	}
	for m := range p.mates() {
		p.first[m+1] = p.first[m] + int(collective.PartOf[int32](p.window, m)[at])
	}
	all := p.first[p.mates()]
	p.on = 0 < all && all <= mostShared
	return nil
}

func (p *columnParallel) mates() int { return len(p.first) - 1 }

// ranks is how many share the products: 1 where none are shared.
func (p *columnParallel) ranks() int {
	if p.on {
		return p.mates()
	}
	return 1
}

// sharing tells whether products are shared.
func (p *columnParallel) sharing() bool { return p != nil && p.on }

// mulTo is w.MulTo(dst, x, m). Where products are shared the m rows are those that this rank has opened, and all mates call it, those
// without rows too; whether they have met, fault tells afterwards.
func (p *columnParallel) mulTo(dst, x []float32, m int, w kernel.Matrix) {
	if !p.sharing() {
		w.MulTo(dst, kernel.Values{F32: x}, m)
	} else if p.fault == nil {
		p.fault = p.share(dst, x, m, w)
	}
}

func (p *columnParallel) share(dst, x []float32, m int, w kernel.Matrix) error {
	n, k := w.Dims()
	all, at := p.first[p.mates()], p.first[p.self]
	if err := p.reserve(all * max(n, k)); errors.Is(err, collective.ErrNotShared) {
		p.window, p.on = nil, false
		w.MulTo(dst, kernel.Values{F32: x}, m)
		return nil
	} else if err != nil {
		return fmt.Errorf("layers: memory of a node for %d rows of %d and %d values: %w", all, k, n, err)
	}
	rows, results := p.values(0), p.values(1)
	copy(rows[at*k:], x[:m*k])
	if err := p.meet(); err != nil {
		return fmt.Errorf("layers: rows of a shared product: %w", err)
	}
	w.MulPartTo(results, kernel.Values{F32: rows}, all, p.self, p.mates())
	if err := p.meet(); err != nil {
		return fmt.Errorf("layers: results of a shared product: %w", err)
	}
	copy(dst[:m*n], results[at*n:])
	return nil
}

// values is what a part holds behind its heads.
func (p *columnParallel) values(part int) []float32 {
	return collective.PartOf[float32](p.window, part)[headLines:]
}

// reserve makes room for so many values. All mates call it, with the same number.
func (p *columnParallel) reserve(values int) error {
	if values <= len(p.values(0)) {
		return nil
	}
	return p.window.Grow(4 * (headLines + values))
}

func (p *columnParallel) meet() error {
	p.window.Arrive()
	return p.window.Await()
}
