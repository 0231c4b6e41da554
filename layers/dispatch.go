package layers

import (
	"fmt"

	"capmoe/collective"
	"capmoe/layers/capacity"
)

// allToAll carries rows to the ranks that own their experts and the outputs back.
//
//	           ┌─ to mates: each row once, into its place ──────────────────▶ rows ─ by expert, then source
//	x [T_l, H] ┤                                                              ▲
//	           └─ send ─ by slot ══ MPI ══▶ recv ─ by source, then slot ──────┘
//
// Outputs lie in the memory of the rows (carriage.room). Those for mates are read where they are; the others
// take the same way back. They are combined in the order of the plan. What goes by MPI goes in chunks, each of some experts
// of every rank: while they are computed, the rows of the next and the outputs of those before are under way (overlap.go).
// Padded, every source sends every expert as many rows as its capacity: no counts
// need to be exchanged, and empty rows, whatever they hold, travel and are computed.
type allToAll struct {
	comm   collective.Communicator
	policy capacity.Config
	layout capacity.Layout
	topK   int
	hidden int
	carry  carriage
	padded bool
	owned  []int // the experts in this rank's slots

	slots   []slot    // of all ranks, in order of rank
	slotsOf [][]int32 // [E] an expert's slots
	first   []int     // [P+1] the first slot of each rank

	box   *mailbox
	near  []int32 // the slots of the mates, in order
	ofBox []int   // [mates+1] the first of each mate among near
	table []int32 // [P, near] pairs from every rank to every near slot
	far   bool    // some ranks are no mates

	pairSlot []int32     // [pairs]
	pairRow  []int32     // [pairs] a pair's row among those of its slot's rank, or in send
	sent     []int32     // [slots] rows that this rank sends to each slot
	next     []int32     // [slots] the next of them
	into     [][]byte    // [slots] the memory that they go to: a mate's rows, or send
	view     [][]float32 // [slots] where their outputs come: from a mate, or to send
	memory   []float32   // of the rows sent to this rank, and their outputs
	outputs  []float32   // [N, H] of these rows

	lap        *overlap
	chunks     int       // of this step
	chunk      int       // the next to finish
	between    func()    // nil where nothing goes by MPI
	send       []float32 // [·, H] by chunk: rows for ranks that are no mates, as they travel; their outputs, when they come back
	recv       []float32 // [·, H] by chunk: rows of such ranks, as they travel; their outputs, to go back
	sendAt     []int     // [chunks+1] the first row of each chunk in send and in recv
	recvAt     []int
	sendRows   []int // [chunks, P] rows for them
	recvRows   []int // [chunks, P] rows of them
	sendCounts []int // [P] a chunk's sendRows and recvRows in what goes by MPI, bytes or values
	recvCounts []int
	header     []int32 // to each of them: plan hash, then the pairs of each of its slots
	headers    []int32 // from each of them: the same for this rank's slots
	headerTo   []int
	headerFrom []int

	rowCounts []int // [owned] rows of each owned expert
	admit     []int // [owned] rows that each owned expert computes
	rowStart  []int // [owned] where the next row of each owned expert goes

	plan             *capacity.Plan // of the layer under way
	tokens           []float32      // [T_l, H] its tokens: x on the way there, y on the way back
	packing, summing *byRows
}

// slot is a place for an expert on a rank.
type slot struct {
	expert, rank int
}

func newAllToAll(c collective.Communicator, p Parts, where Placement, of common) *allToAll {
	l, lanes := p.Layout, len(of.lap.lanes)
	d := &allToAll{
		comm: c, policy: p.Policy, layout: l, topK: p.Config.MoE.TopK, hidden: p.Config.Hidden, carry: of.carry,
		padded: p.Wire == Padded, owned: where.Held[c.Rank()], box: of.box, lap: of.lap,
		slotsOf:  make([][]int32, l.Experts()),
		headerTo: make([]int, l.Ranks()), headerFrom: make([]int, l.Ranks()),
		sendAt: make([]int, lanes+1), recvAt: make([]int, lanes+1),
		sendRows: make([]int, lanes*l.Ranks()), recvRows: make([]int, lanes*l.Ranks()),
		sendCounts: make([]int, l.Ranks()), recvCounts: make([]int, l.Ranks()),
	}
	for r, held := range where.Held {
		d.first = append(d.first, len(d.slots))
		for _, e := range held {
			d.slotsOf[e] = append(d.slotsOf[e], int32(len(d.slots)))
			d.slots = append(d.slots, slot{e, r})
		}
	}
	d.first = append(d.first, len(d.slots))
	d.sent, d.next = make([]int32, len(d.slots)), make([]int32, len(d.slots))
	d.into, d.view = make([][]byte, len(d.slots)), make([][]float32, len(d.slots))
	d.rowCounts, d.rowStart = make([]int, len(d.owned)), make([]int, len(d.owned))
	d.packing = newByRows(p.Kernels, d.copyRows)
	d.summing = newByRows(p.Kernels, func(_, first, end int) { d.sumUp(first, end) })
	d.meetMates()
	return d
}

// headWords is how many int32s a mate has to say, at most: the hash of its plan, its pairs for each
// slot of the node, and those that came for its own slots from other nodes.
func headWords(where []Placement) int {
	words := 0
	for _, p := range where {
		slots, most := 0, 0
		for _, held := range p.Held {
			slots += len(held)
			most = max(most, len(held))
		}
		words = max(words, hashWords+slots+len(p.Held)*most)
	}
	return words
}

// meetMates sets up what depends on who the mates are.
func (d *allToAll) meetMates() {
	d.near, d.ofBox = d.near[:0], d.ofBox[:0]
	for _, r := range d.box.mates {
		d.ofBox = append(d.ofBox, len(d.near))
		for s := d.first[r]; s < d.first[r+1]; s++ {
			d.near = append(d.near, int32(s))
		}
	}
	d.ofBox = append(d.ofBox, len(d.near))
	d.table = make([]int32, d.comm.Size()*len(d.near))
	d.far = len(d.box.mates) < d.comm.Size()
	if d.far {
		d.between = d.test
	}
	words := 0
	for r := range d.headerTo {
		d.headerTo[r], d.headerFrom[r] = 0, 0
		if d.box.place(r) < 0 {
			d.headerTo[r] = hashWords + d.first[r+1] - d.first[r]
			d.headerFrom[r] = hashWords + len(d.owned)
			words += d.headerFrom[r]
		}
	}
	d.headers = make([]int32, words)
}

// begin sends the rows of x, [T_l, H], off to their experts: those for mates are there when every
// mate is through with it.
func (d *allToAll) begin(plan *capacity.Plan, x []float32) error {
	d.chunk, d.chunks = 0, d.lap.begin(plan.Tokens)
	d.assign(plan)
	if err := d.agree(plan); err != nil {
		return err
	}
	if err := d.makeRoom(plan); err != nil {
		return err
	}
	d.pack(plan, x)
	d.box.window.Arrive()
	if err := d.sendAll(); err != nil {
		return fmt.Errorf("layers: layer %d: dispatch: %w", plan.Layer, err)
	}
	return nil
}

// finish gives the rows of the next chunk's experts sent to this rank.
func (d *allToAll) finish(plan *capacity.Plan) (arrived, error) {
	if err := d.takeRows(); err != nil {
		return arrived{}, fmt.Errorf("layers: layer %d: dispatch: %w", plan.Layer, err)
	}
	if d.chunk == 0 {
		if err := d.box.window.Await(); err != nil {
			return arrived{}, fmt.Errorf("layers: layer %d: dispatch: %w", plan.Layer, err)
		}
	}
	in := d.received(plan)
	d.chunk++
	in.more, in.between = d.chunk < d.chunks, d.between
	return in, nil
}

// received is the rows of the chunk's experts sent to this rank, when all are there.
func (d *allToAll) received(plan *capacity.Plan) arrived {
	first, last := cut(d.chunk, d.chunks, len(d.owned))
	counts, compute := d.rowCounts[first:last], d.rowCounts[first:last]
	if d.policy.AfterDispatch {
		compute = d.admitted(plan)[first:last]
	}
	start := sum(d.rowCounts[:first])
	in := d.carry.unload(d.memory, d.came()).part(start*d.hidden, (start+sum(counts))*d.hidden)
	in.counts, in.compute, in.load, in.first = counts, compute, d.load(plan, d.owned[first:last], compute), first
	return in
}

// came is the number of rows sent to this rank.
func (d *allToAll) came() int { return len(d.outputs) / d.hidden }

// pack copies every pair's row, as it travels, to where it is computed, or to where it is sent from.
func (d *allToAll) pack(plan *capacity.Plan, x []float32) {
	for i, s := range d.pairSlot {
		d.pairRow[i] = d.next[s]
		d.next[s]++
	}
	d.plan, d.tokens = plan, x
	d.packing.run(len(plan.Offset) - 1)
}

// copyRows is pack for tokens [first, end).
func (d *allToAll) copyRows(worker, first, end int) {
	h, size, plan := d.hidden, d.carry.rowBytes(), d.plan
	for t := first; t < end; t++ {
		row := d.carry.load(worker, d.tokens[t*h:(t+1)*h])
		for i := plan.Offset[t]; i < plan.Offset[t+1]; i++ {
			copy(d.into[d.pairSlot[i]][int(d.pairRow[i])*size:][:size], row)
		}
	}
}

// admitted is how many of its rows each owned expert keeps where pairs are refused
// after dispatch: rows come in the order in which the plan keeps them.
func (d *allToAll) admitted(plan *capacity.Plan) []int {
	d.admit = d.admit[:0]
	for _, e := range d.owned {
		d.admit = append(d.admit, int(plan.LoadAfter[e]))
	}
	return d.admit
}

// load is the pairs of some experts that this rank computes: padding is none.
func (d *allToAll) load(plan *capacity.Plan, experts, compute []int) (pairs int) {
	for i, e := range experts {
		if d.padded {
			pairs += int(plan.LoadAfter[e])
		} else {
			pairs += compute[i]
		}
	}
	return pairs
}
