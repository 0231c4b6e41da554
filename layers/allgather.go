package layers

import (
	"errors"
	"fmt"
	"slices"

	"capmoe/collective"
	"capmoe/layers/capacity"
	"capmoe/layers/kernel"
)

// allGather brings every token to every rank. Each computes its experts' part of all
// tokens and gives back partial sums, which the tokens' ranks add in order of rank
// (Megatron-Core's allgather dispatcher).
//
//	x ═allgather═ all [T,H] ─ rows of owned experts … outputs ─ partial [T,H] ═reduce-scatter═ y
type allGather struct {
	comm   collective.Communicator
	hidden int
	carry  carriage
	local  []int32 // [E] place among the owned experts, or -1

	tokens  []int32   // [P] tokens of each rank
	pairs   []int32   // [P] pairs of each rank
	perTok  []int32   // [T_l] pairs of each local token
	counts  []int     // [P] scratch
	all     []byte    // [T, H] rows as they travel
	allPer  []int32   // [T]
	allExp  []int32   // [pairs]
	allW    []float32 // [pairs]
	memory  []float32 // of the rows of owned experts, and their outputs
	outputs []float32 // [N, H] of these rows
	rowOf   []int32   // [pairs] row of a pair here, or -1
	rowNum  []int     // [owned]
	start   []int     // [owned]
	partial []float32 // [T, H]
	parts   []float32 // [P, T_l, H]
}

func newAllGather(c collective.Communicator, p Parts, where Placement, carry carriage) *allGather {
	g := &allGather{
		comm: c, hidden: p.Config.Hidden, carry: carry, local: make([]int32, p.Layout.Experts()),
		tokens: make([]int32, c.Size()), pairs: make([]int32, c.Size()), counts: make([]int, c.Size()),
	}
	for e := range g.local {
		g.local[e] = -1
	}
	owned := where.Held[c.Rank()]
	for i, e := range owned {
		g.local[e] = int32(i)
	}
	g.rowNum, g.start = make([]int, len(owned)), make([]int, len(owned))
	return g
}

func (g *allGather) begin(plan *capacity.Plan, x []float32) error {
	if err := errors.Join(sameHash(g.comm, plan), g.gather(plan, x)); err != nil {
		return fmt.Errorf("layers: layer %d: allgather: %w", plan.Layer, err)
	}
	return nil
}

func (g *allGather) finish(*capacity.Plan) (arrived, error) {
	clear(g.rowNum)
	for _, e := range g.allExp {
		if i := g.local[e]; i >= 0 {
			g.rowNum[i]++
		}
	}
	total := 0
	for i, n := range g.rowNum {
		g.start[i] = total
		total += n
	}
	g.memory = grow(g.memory, g.carry.room(total))
	rows, size := g.carry.place(g.memory, total), g.carry.rowBytes()
	g.rowOf = growInts(g.rowOf, len(g.allExp))
	pair := 0
	for t, n := range g.allPer {
		for range n {
			g.rowOf[pair] = -1
			if i := g.local[g.allExp[pair]]; i >= 0 {
				at := g.start[i]
				g.start[i]++
				g.rowOf[pair] = int32(at)
				copy(rows[at*size:(at+1)*size], g.all[t*size:])
			}
			pair++
		}
	}
	in := g.carry.unload(g.memory, total)
	g.outputs = in.outputs
	in.counts, in.compute, in.load = g.rowNum, g.rowNum, total
	return in, nil
}

// gather brings all ranks' rows and pairs here.
func (g *allGather) gather(plan *capacity.Plan, x []float32) error {
	n := len(plan.Offset) - 1
	g.perTok = growInts(g.perTok, n)
	for t := range n {
		g.perTok[t] = plan.Offset[t+1] - plan.Offset[t]
	}
	if err := collective.AllGather(g.comm, g.tokens, []int32{int32(n)}); err != nil {
		return err
	}
	if err := collective.AllGather(g.comm, g.pairs, []int32{int32(len(plan.Expert))}); err != nil {
		return err
	}
	tokens, pairs := sum(g.tokens), sum(g.pairs)
	size := g.carry.rowBytes()
	g.allPer, g.all = growInts(g.allPer, tokens), slices.Grow(g.all[:0], tokens*size)[:tokens*size]
	g.allExp, g.allW = growInts(g.allExp, pairs), grow(g.allW, pairs)
	return errors.Join(
		collective.AllGatherV(g.comm, g.allPer, g.scaled(g.tokens, 1), g.perTok),
		collective.AllGatherV(g.comm, g.allExp, g.scaled(g.pairs, 1), plan.Expert),
		collective.AllGatherV(g.comm, g.allW, g.scaled(g.pairs, 1), plan.Weight),
		collective.AllGatherV(g.comm, g.all, g.scaled(g.tokens, size), g.carry.load(0, x)),
	)
}

// scaled is counts × width, valid until the next call.
func (g *allGather) scaled(counts []int32, width int) []int {
	for r, n := range counts {
		g.counts[r] = int(n) * width
	}
	return g.counts
}

func (g *allGather) combine(plan *capacity.Plan, y []float32) error {
	g.partial = grow(g.partial, len(g.allPer)*g.hidden)
	clear(g.partial)
	pair := 0
	for t, n := range g.allPer {
		out := g.partial[t*g.hidden : (t+1)*g.hidden]
		for range n {
			if at := g.rowOf[pair]; at >= 0 {
				kernel.AddApart(out, g.allW[pair:pair+1], &[kernel.MostApart][]float32{g.outputs[int(at)*g.hidden:]})
			}
			pair++
		}
	}
	from := make([]int, g.comm.Size())
	for r := range from {
		from[r] = len(y)
	}
	g.parts = grow(g.parts, len(y)*g.comm.Size())
	if err := collective.AllToAllV(g.comm, g.parts, from, g.partial, g.scaled(g.tokens, g.hidden)); err != nil {
		return fmt.Errorf("layers: layer %d: reduce-scatter: %w", plan.Layer, err)
	}
	clear(y)
	for r := range from {
		addTo(y, g.parts[r*len(y):(r+1)*len(y)])
	}
	return nil
}

func sum[T int | int32](counts []T) int {
	total := 0
	for _, n := range counts {
		total += int(n)
	}
	return total
}
