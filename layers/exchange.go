package layers

import (
	"fmt"
	"math"

	"capmoe/collective"
	"capmoe/layers/capacity"
	"capmoe/layers/kernel"
)

// Wire is how rows travel between tokens and experts.
type Wire uint8

// The wires of --moe-token-dispatcher-type, and those that only baselines use.
const (
	AllToAll     Wire = iota // each row to the rank of its expert (all-to-all-v)
	AllGather                // every row to every rank, partial sums back (allgather + reduce-scatter)
	Hierarchical             // each row to every node once, from there to the ranks of its experts
	Padded                   // all-to-all of fixed blocks of capacity rows
)

var wireNames = []string{"alltoall", "allgather", "hierarchical", "padded alltoall"}

func (w Wire) String() string { return wireNames[w] }

// ParseWire reads the name of a dispatcher type.
func ParseWire(name string) (Wire, error) {
	for w, known := range wireNames[:Padded] {
		if name == known {
			return Wire(w), nil
		}
	}
	return 0, fmt.Errorf("layers: unknown token dispatcher type %q, want alltoall, allgather or hierarchical", name)
}

// exchange brings rows to their experts and the outputs back. Between begin and finish
// rows are under way, and the rank may compute something else; x stays as it is. The
// experts fill the outputs of what has arrived, and finish is called again while there is more; combine
// computes y[t] = Σ weight · output.
type exchange interface {
	begin(plan *capacity.Plan, x []float32) error
	finish(plan *capacity.Plan) (arrived, error)
	combine(plan *capacity.Plan, y []float32) error
}

// arrived is the rows sent to this rank's experts.
type arrived struct {
	rows    kernel.Values // [N, H], by owned expert in rising order, then by source
	outputs []float32     // [N, H] of the same rows; see carriage.room
	counts  []int         // [owned] rows of each expert
	compute []int         // [owned] how many of them, from the first, are computed; the others give zero
	load    int           // pairs computed here
	first   int           // the first of the owned experts that rows are of
	more    bool          // rows of further experts are to come
	between func()        // after each expert: what is under way goes on; nil: nothing is
}

// part is what has arrived in some of the values.
func (in arrived) part(from, to int) arrived {
	in.outputs, in.rows = in.outputs[from:to], in.rows.Slice(from, to)
	return in
}

// common is what the exchanges of all placements use.
type common struct {
	box   *mailbox
	carry carriage
	lap   *overlap
}

// newExchanges prepares the exchange of every placement: of all layers, where they place their
// experts alike, or one of each. All ranks call it.
func newExchanges(c collective.Communicator, p Parts) ([]exchange, error) {
	if err := (Dialect{p.Policy, p.Wire}).Validate(); err != nil {
		return nil, err
	}
	carry, err := newCarriage(c, p)
	if err != nil {
		return nil, fmt.Errorf("layers: threads of ranks: %w", err)
	}
	if p.Wire == AllGather {
		if p.Placements != nil {
			return nil, fmt.Errorf("layers: replicated experts are reached by alltoall, not by %v", p.Wire)
		}
		return []exchange{newAllGather(c, p, PlacementOf(p.Layout), carry)}, nil
	}
	placements := p.Placements
	if placements == nil {
		placements = []Placement{PlacementOf(p.Layout)}
	}
	words := headWords(placements)
	if p.Wire == Hierarchical {
		words = max(words, relayWords(p.Layout, placements))
	}
	box, err := newMailbox(c, p.Layout, words)
	if err != nil {
		return nil, fmt.Errorf("layers: memory of a node: %w", err)
	}
	var through *relays
	if p.Wire == Hierarchical {
		if through, err = newRelays(c, p.Layout, box); err != nil {
			return nil, fmt.Errorf("layers: relays: %w", err)
		}
	}
	if through != nil {
		p.Overlap = 1 // parcels travel whole
	}
	lap, err := newOverlap(c, p.Overlap, placements, len(box.mates) < c.Size())
	if err != nil {
		return nil, fmt.Errorf("layers: overlap: %w", err)
	}
	exchanges := make([]exchange, len(placements))
	for i, where := range placements {
		d := newAllToAll(c, p, where, common{box, carry, lap})
		exchanges[i] = d
		if through != nil {
			exchanges[i] = newHierarchical(d, through)
		}
	}
	return exchanges, nil
}

// sameHash fails on every rank unless all hold the same plan.
func sameHash(c collective.Communicator, plan *capacity.Plan) error {
	h := plan.Hash()
	extremes := []uint64{h, ^h}
	if err := collective.AllReduce(c, collective.Max, extremes); err != nil {
		return fmt.Errorf("layers: layer %d: plan hash: %w", plan.Layer, err)
	}
	if extremes[0] != h || extremes[1] != ^h {
		return fmt.Errorf("layers: layer %d: plan hash of rank %d is %016x, others hold %016x to %016x", plan.Layer, c.Rank(), h, ^extremes[1], extremes[0])
	}
	return nil
}

// Exchange is the way of rows there and back alone, without experts: for benchmarks.
type Exchange struct {
	way exchange
	in  arrived
}

// NewExchange prepares it, without overlap. All ranks call it.
func NewExchange(c collective.Communicator, p Parts) (*Exchange, error) {
	p.Overlap = 1
	all, err := newExchanges(c, p)
	if err != nil {
		return nil, err
	}
	return &Exchange{way: all[0]}, nil
}

// Dispatch brings the rows of x, [T_l, H], to the ranks of their experts.
func (e *Exchange) Dispatch(plan *capacity.Plan, x []float32) (err error) {
	if err = e.way.begin(plan, x); err == nil {
		e.in, err = e.way.finish(plan)
	}
	return err
}

// Negate does what experts would: it makes an output of each row that has come, -row.
func (e *Exchange) Negate() {
	for i, v := range e.in.rows.F32 {
		e.in.outputs[i] = -v
	}
	for i, bits := range e.in.rows.BF16 {
		e.in.outputs[i] = -math.Float32frombits(uint32(bits) << 16)
	}
}

// Combine computes y[t] = Σ weight · output; y is [T_l, H].
func (e *Exchange) Combine(plan *capacity.Plan, y []float32) error { return e.way.combine(plan, y) }
