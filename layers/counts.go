package layers

import (
	"fmt"

	"capmoe/collective"
	"capmoe/layers/capacity"
)

// hashWords is the int32s that a plan's hash takes in a head.
const hashWords = 2

// assign gives every pair a slot of its expert and counts the pairs of each slot: an
// expert's replicas take turns by global token id.
func (d *allToAll) assign(plan *capacity.Plan) {
	clear(d.sent)
	d.pairSlot = growInts(d.pairSlot, len(plan.Expert))
	d.pairRow = growInts(d.pairRow, len(plan.Expert))
	for t := range len(plan.Offset) - 1 {
		for i := plan.Offset[t]; i < plan.Offset[t+1]; i++ {
			slots := d.slotsOf[plan.Expert[i]]
			s := slots[0]
			if len(slots) > 1 {
				s = slots[int(plan.TokenIDs[t])%len(slots)]
			}
			d.pairSlot[i] = s
			d.sent[s]++
		}
	}
}

// agree exchanges the pairs per slot, with the hash of the plan: what every rank
// is about to send is known, and fits the plan, before a row moves. A rank that finds
// a fault returns it; whoever runs the ranks ends the others with it.
func (d *allToAll) agree(plan *capacity.Plan) error {
	if len(d.ofBox) != len(d.box.mates)+1 { // the exchange of another layer has left them
		d.meetMates()
	}
	head := d.box.open()
	if d.padded {
		return d.foresee(plan)
	}
	putHash(head, plan.Hash())
	for j, s := range d.near {
		head[hashWords+j] = d.sent[s]
	}
	if d.far {
		if err := d.askFar(plan, head[hashWords+len(d.near):]); err != nil {
			return err
		}
	}
	d.box.window.Arrive()
	if err := d.box.window.Await(); err != nil {
		return fmt.Errorf("layers: layer %d: counts: %w", plan.Layer, err)
	}
	return d.readHeads(plan)
}

// foresee fills in what padding makes known: every source sends every slot its capacity.
// That all hold the same plan is known once all have come.
func (d *allToAll) foresee(plan *capacity.Plan) error {
	for i := range d.table {
		d.table[i] = int32(plan.Budgets.Expert)
	}
	for s := range d.sent {
		d.sent[s] = int32(plan.Budgets.Expert)
	}
	return sameHash(d.comm, plan)
}

// askFar exchanges counts with the ranks that are no mates. dst [P, owned] gets theirs for
// this rank's slots.
func (d *allToAll) askFar(plan *capacity.Plan, dst []int32) error {
	d.header = d.header[:0]
	for r, n := range d.headerTo {
		if n > 0 {
			d.header = append(d.header, 0, 0)
			putHash(d.header[len(d.header)-hashWords:], plan.Hash())
			d.header = append(d.header, d.sent[d.first[r]:d.first[r+1]]...)
		}
	}
	if err := collective.AllToAllV(d.comm, d.headers, d.headerFrom, d.header, d.headerTo); err != nil {
		return fmt.Errorf("layers: layer %d: counts: %w", plan.Layer, err)
	}
	from := d.headers
	for r, n := range d.headerFrom {
		if n > 0 {
			if err := d.checkHash(plan, r, from); err != nil {
				return err
			}
			copy(dst[r*len(d.owned):], from[hashWords:n])
			from = from[n:]
		}
	}
	return nil
}

// readHeads fills the table with what the mates say, and holds it against the plan.
func (d *allToAll) readHeads(plan *capacity.Plan) error {
	near := len(d.near)
	for m, mate := range d.box.mates {
		head := d.box.head(m)
		if err := d.checkHash(plan, mate, head); err != nil {
			return err
		}
		copy(d.table[mate*near:(mate+1)*near], head[hashWords:])
		far, own := head[hashWords+near:], d.ofBox[m+1]-d.ofBox[m]
		for r, n := range d.headerFrom {
			if n > 0 {
				copy(d.table[r*near+d.ofBox[m]:][:own], far[r*own:])
			}
		}
	}
	return d.checkSent(plan)
}

// checkSent holds the table against the plan.
func (d *allToAll) checkSent(plan *capacity.Plan) error {
	for i, e := range d.owned {
		if n := d.sentTo(d.ofBox[d.box.self] + i); len(d.slotsOf[e]) == 1 && int64(n) != plan.LoadSent[e] {
			return fmt.Errorf("layers: layer %d: expert %d is sent %d rows, the plan says %d", plan.Layer, e, n, plan.LoadSent[e])
		}
	}
	return nil
}

// sentTo is the rows that all ranks send to a near slot.
func (d *allToAll) sentTo(near int) (rows int) {
	for at := near; at < len(d.table); at += len(d.near) {
		rows += int(d.table[at])
	}
	return rows
}

func (d *allToAll) checkHash(plan *capacity.Plan, rank int, head []int32) error {
	if h := hashIn(head); h != plan.Hash() {
		return fmt.Errorf("layers: layer %d: plan hash of rank %d is %016x, of rank %d %016x", plan.Layer, rank, h, d.comm.Rank(), plan.Hash())
	}
	return nil
}

func putHash(head []int32, h uint64) { head[0], head[1] = int32(h), int32(h>>32) }
func hashIn(head []int32) uint64     { return uint64(uint32(head[0])) | uint64(uint32(head[1]))<<32 }

func growInts(s []int32, n int) []int32 {
	if cap(s) < n {
		return make([]int32, n)
	}
	return s[:n]
}
