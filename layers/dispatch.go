package layers

import (
	"fmt"

	"capmoe/collective"
	"capmoe/layers/capacity"
)

// allToAll carries rows to the ranks that own their experts and the outputs back.
//
//	send ─ by expert, then token ──▶ recv ─ by source rank, then expert ──▶ rows ─ by expert, then source
//
// The outputs take the same way back and are combined in the order of the plan.
// Padded, every source sends every expert as many rows as its capacity: no counts
// need to be exchanged, and empty rows travel and are computed.
type allToAll struct {
	comm   collective.Communicator
	policy capacity.Config
	layout capacity.Layout
	topK   int
	hidden int
	padded bool
	owned  []int // the experts in this rank's slots

	slots   []slot    // of all ranks, in order of rank: the order of rows in send
	slotsOf [][]int32 // [E] an expert's slots

	pairSlot []int32   // [pairs]
	pairRow  []int32   // [pairs] a pair's row in send
	next     []int32   // [slots] the next row of each slot in send
	send     []float32 // [pairs, H]
	recv     []float32 // [N, H]
	rows     []float32 // [N, H]

	header     []uint64 // to each rank: plan hash, then the pairs of each of its experts
	headerTo   []int
	headerFrom []int
	headers    []uint64 // from each rank: the same for this rank's experts
	sendCounts []int    // [P] elements
	recvCounts []int
	rowCounts  []int // [owned] rows of each owned expert
	admit      []int // [owned] rows that each owned expert computes
	rowStart   []int // [owned] where the next row of each owned expert goes
}

// slot is a place for an expert on a rank.
type slot struct {
	expert, rank int
}

func newAllToAll(c collective.Communicator, p Parts, where Placement) *allToAll {
	l := p.Layout
	d := &allToAll{
		comm: c, policy: p.Policy, layout: l, topK: p.Config.MoE.TopK, hidden: p.Config.Hidden,
		padded: p.Wire == Padded, owned: where.Held[c.Rank()],
		slotsOf:  make([][]int32, l.Experts()),
		headerTo: make([]int, l.Ranks()), headerFrom: make([]int, l.Ranks()),
		sendCounts: make([]int, l.Ranks()), recvCounts: make([]int, l.Ranks()),
	}
	for r, held := range where.Held {
		for _, e := range held {
			d.slotsOf[e] = append(d.slotsOf[e], int32(len(d.slots)))
			d.slots = append(d.slots, slot{e, r})
		}
		d.headerTo[r] = 1 + len(held)
		d.headerFrom[r] = 1 + len(d.owned)
	}
	d.next = make([]int32, len(d.slots))
	d.headers = make([]uint64, (1+len(d.owned))*l.Ranks())
	d.rowCounts = make([]int, len(d.owned))
	d.rowStart = make([]int, len(d.owned))
	return d
}

// dispatch brings the rows of x, [T_l, H], to their experts.
func (d *allToAll) dispatch(plan *capacity.Plan, x []float32) (arrived, error) {
	d.pack(plan, x)
	if err := d.agree(plan); err != nil {
		return arrived{}, err
	}
	if err := d.makeRoom(plan); err != nil {
		return arrived{}, err
	}
	if err := collective.AllToAllV(d.comm, d.recv, d.recvCounts, d.send, d.sendCounts); err != nil {
		return arrived{}, fmt.Errorf("layers: layer %d: dispatch: %w", plan.Layer, err)
	}
	d.regroup(func(row, recv []float32) { copy(row, recv) })
	in := arrived{rows: d.rows, counts: d.rowCounts, compute: d.rowCounts}
	if d.policy.AfterDispatch {
		in.compute = d.admitted(plan)
	}
	in.load = d.load(plan, in.compute)
	return in, nil
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

// load is the pairs that this rank computes: padding is none.
func (d *allToAll) load(plan *capacity.Plan, compute []int) (pairs int) {
	for i, e := range d.owned {
		if d.padded {
			pairs += int(plan.LoadAfter[e])
		} else {
			pairs += compute[i]
		}
	}
	return pairs
}

// makeRoom sizes the receive buffers: by the budgets where there are any, which bound
// them whatever was routed, else by what is about to come.
func (d *allToAll) makeRoom(plan *capacity.Plan) error {
	total := 0
	for _, n := range d.recvCounts {
		total += n
	}
	room := total
	if d.policy.Policy != capacity.Dropless && !d.policy.AfterDispatch {
		room = d.policy.Rows(d.layout, d.topK, plan.Tokens, len(d.owned)) * d.hidden
		if d.padded {
			room = plan.Budgets.Expert * d.layout.Ranks() * len(d.owned) * d.hidden
		}
	}
	if total > room {
		return fmt.Errorf("layers: layer %d: rank %d is sent %d rows, its budgets allow %d", plan.Layer, d.comm.Rank(), total/d.hidden, room/d.hidden)
	}
	d.recv, d.rows = grow(d.recv, room)[:total], grow(d.rows, room)[:total]
	return nil
}

// pack lays the rows of the plan's pairs out by slot.
func (d *allToAll) pack(plan *capacity.Plan, x []float32) {
	d.assign(plan)
	clear(d.sendCounts)
	d.header = d.header[:0]
	row, s := int32(0), 0
	for rank := range d.sendCounts {
		d.header = append(d.header, plan.Hash())
		for ; s < len(d.slots) && d.slots[s].rank == rank; s++ {
			n := d.next[s]
			if d.padded {
				n = int32(plan.Budgets.Expert)
			}
			d.header = append(d.header, uint64(n))
			d.sendCounts[rank] += int(n) * d.hidden
			d.next[s] = row
			row += n
		}
	}
	d.pairRow = growInts(d.pairRow, len(plan.Expert))
	d.send = grow(d.send, int(row)*d.hidden)
	if d.padded {
		clear(d.send)
	}
	for t := range len(plan.Offset) - 1 {
		for i := plan.Offset[t]; i < plan.Offset[t+1]; i++ {
			s := d.pairSlot[i]
			at := int(d.next[s])
			d.next[s]++
			d.pairRow[i] = int32(at)
			copy(d.send[at*d.hidden:(at+1)*d.hidden], x[t*d.hidden:])
		}
	}
}

// assign gives every pair a slot of its expert and counts the pairs of each slot: an
// expert's replicas take turns by global token id.
func (d *allToAll) assign(plan *capacity.Plan) {
	clear(d.next)
	d.pairSlot = growInts(d.pairSlot, len(plan.Expert))
	for t := range len(plan.Offset) - 1 {
		for i := plan.Offset[t]; i < plan.Offset[t+1]; i++ {
			slots := d.slotsOf[plan.Expert[i]]
			s := slots[0]
			if len(slots) > 1 {
				s = slots[int(plan.TokenIDs[t])%len(slots)]
			}
			d.pairSlot[i] = s
			d.next[s]++
		}
	}
}

// agree exchanges the pairs per expert, with the hash of the plan: what every rank
// is about to send is known, and fits the plan, before a row moves. A rank that finds
// a fault returns it; whoever runs the ranks ends the others with it.
func (d *allToAll) agree(plan *capacity.Plan) error {
	if d.padded {
		d.foresee(plan)
		return sameHash(d.comm, plan)
	}
	if err := collective.AllToAllV(d.comm, d.headers, d.headerFrom, d.header, d.headerTo); err != nil {
		return fmt.Errorf("layers: layer %d: counts: %w", plan.Layer, err)
	}
	return d.readHeaders(plan)
}

// foresee fills in what padding makes known: every source sends every expert its capacity.
func (d *allToAll) foresee(plan *capacity.Plan) {
	rows := plan.Budgets.Expert
	for i := range d.headers {
		d.headers[i] = uint64(rows)
	}
	for r := range d.recvCounts {
		d.recvCounts[r] = rows * len(d.owned) * d.hidden
	}
	for i := range d.rowCounts {
		d.rowCounts[i] = rows * d.layout.Ranks()
	}
}

func (d *allToAll) readHeaders(plan *capacity.Plan) error {
	clear(d.rowCounts)
	for r := range d.recvCounts {
		header := d.headers[r*d.headerFrom[r] : (r+1)*d.headerFrom[r]]
		if header[0] != plan.Hash() {
			return fmt.Errorf("layers: layer %d: plan hash of rank %d is %016x, of rank %d %016x", plan.Layer, r, header[0], d.comm.Rank(), plan.Hash())
		}
		d.recvCounts[r] = 0
		for i, n := range header[1:] {
			d.rowCounts[i] += int(n)
			d.recvCounts[r] += int(n) * d.hidden
		}
	}
	for i, e := range d.owned {
		if len(d.slotsOf[e]) == 1 && int64(d.rowCounts[i]) != plan.LoadSent[e] {
			return fmt.Errorf("layers: layer %d: expert %d is sent %d rows, the plan says %d", plan.Layer, e, d.rowCounts[i], plan.LoadSent[e])
		}
	}
	return nil
}

// regroup walks the received rows in order of source and expert and pairs each with
// its place among the rows of its expert.
func (d *allToAll) regroup(move func(row, recv []float32)) {
	start := 0
	for i, n := range d.rowCounts {
		d.rowStart[i] = start
		start += n
	}
	at := 0
	for r := range d.recvCounts {
		for i, n := range d.headers[r*d.headerFrom[r]+1 : (r+1)*d.headerFrom[r]] {
			from, size := d.rowStart[i]*d.hidden, int(n)*d.hidden
			move(d.rows[from:from+size], d.recv[at:at+size])
			at += size
			d.rowStart[i] += int(n)
		}
	}
}

// combine brings the outputs in rows back and computes y[t] = Σ weight · output over
// the token's pairs, best score first: y is [T_l, H]. A token with no pair gets zero.
func (d *allToAll) combine(plan *capacity.Plan, y []float32) error {
	d.regroup(func(row, recv []float32) { copy(recv, row) })
	if err := collective.AllToAllV(d.comm, d.send, d.sendCounts, d.recv, d.recvCounts); err != nil {
		return fmt.Errorf("layers: layer %d: combine: %w", plan.Layer, err)
	}
	clear(y)
	for t := range len(plan.Offset) - 1 {
		out := y[t*d.hidden : (t+1)*d.hidden]
		for i := plan.Offset[t]; i < plan.Offset[t+1]; i++ {
			addScaled(out, plan.Weight[i], d.send[int(d.pairRow[i])*d.hidden:])
		}
	}
	return nil
}

func growInts(s []int32, n int) []int32 {
	if cap(s) < n {
		return make([]int32, n)
	}
	return s[:n]
}
