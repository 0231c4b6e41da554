package layers

import (
	"fmt"
	"math"

	"capmoe/layers/capacity"
)

// makeRoom sizes buffers and finds the place of every row: rows lie by expert, then by
// source.
func (d *allToAll) makeRoom(plan *capacity.Plan) error {
	rows, err := d.mostRows(plan)
	if err != nil {
		return err
	}
	shared, err := d.box.reserve(d.carry.room(rows))
	if err != nil {
		return fmt.Errorf("layers: layer %d: memory of a node for %d rows on each rank: %w", plan.Layer, rows, err)
	}
	if !shared {
		d.leaveMates(rows)
	}
	for m := range d.box.mates {
		d.placeRows(m)
	}
	d.placeFar()
	return nil
}

// mostRows is how many rows a mate receives at most: by the budgets where there are any, which
// bound them whatever was routed, else as many as are about to come. All mates find the
// same number.
func (d *allToAll) mostRows(plan *capacity.Plan) (most int, err error) {
	for m, mate := range d.box.mates {
		rows, slots := 0, d.ofBox[m+1]-d.ofBox[m]
		for j := d.ofBox[m]; j < d.ofBox[m+1]; j++ {
			rows += d.sentTo(j)
		}
		room := d.roomFor(plan, rows, slots)
		if rows > room {
			return 0, fmt.Errorf("layers: layer %d: rank %d is sent %d rows, its budgets allow %d", plan.Layer, mate, rows, room)
		}
		if room > math.MaxInt32 {
			return 0, fmt.Errorf("layers: layer %d: rank %d is sent %d rows, empty ones too, want at most %d", plan.Layer, mate, room, math.MaxInt32)
		}
		most = max(most, room)
	}
	return most, nil
}

// roomFor is the rows that a rank with so many slots receives at most, if so many are about to come.
func (d *allToAll) roomFor(plan *capacity.Plan, rows, slots int) int {
	switch {
	case d.policy.Policy == capacity.Dropless || d.policy.AfterDispatch:
		return rows
	case d.padded:
		return plan.Budgets.Expert * d.layout.Ranks() * slots
	}
	return d.policy.Rows(d.layout, d.topK, plan.Tokens, slots)
}

// leaveMates goes on alone, with what the table says of this rank's slots.
func (d *allToAll) leaveMates(rows int) {
	table, near, own := d.table, len(d.near), d.ofBox[d.box.self]
	d.box.seclude(d.comm.Rank())
	d.meetMates()
	for r := range d.comm.Size() {
		copy(d.table[r*len(d.owned):(r+1)*len(d.owned)], table[r*near+own:])
	}
	d.box.window.Grow(4 * (2*d.box.words + d.carry.room(rows)))
}

// placeRows finds where this rank's rows lie among those of a mate, or all rows, if
// that is this rank.
func (d *allToAll) placeRows(mate int) {
	memory, at := d.box.rows(mate), int32(0)
	for j := d.ofBox[mate]; j < d.ofBox[mate+1]; j++ {
		begin := at
		for r := range d.comm.Size() {
			if r == d.comm.Rank() {
				d.next[d.near[j]] = at
			}
			at += d.table[r*len(d.near)+j]
		}
		if mate == d.box.self {
			d.rowCounts[j-d.ofBox[mate]] = int(at - begin)
		}
	}
	memory = memory[:d.carry.room(int(at))]
	outputs, into := memory[:int(at)*d.hidden], d.carry.place(memory, int(at))
	for _, s := range d.near[d.ofBox[mate]:d.ofBox[mate+1]] {
		d.into[s], d.view[s] = into, outputs
	}
	if mate == d.box.self {
		d.memory, d.outputs = memory, outputs
	}
}

// placeFar lays out what goes to ranks that are no mates, and what comes from them: chunk by chunk.
func (d *allToAll) placeFar() {
	row, total, ranks := 0, 0, d.comm.Size()
	for k := range d.chunks {
		d.sendAt[k], d.recvAt[k] = row, total
		for r := range ranks {
			sent, come := d.placeFarRank(r, k, row)
			d.sendRows[k*ranks+r], d.recvRows[k*ranks+r] = sent, come
			row, total = row+sent, total+come
		}
	}
	d.sendAt[d.chunks], d.recvAt[d.chunks] = row, total
	d.send, d.recv = grow(d.send, row*d.hidden), grow(d.recv, total*d.hidden)
	into := d.carry.place(d.send, row)
	for r, n := range d.headerTo {
		for s := d.first[r]; n > 0 && s < d.first[r+1]; s++ {
			d.into[s], d.view[s] = into, d.send
		}
	}
}

// placeFarRank counts the rows of a chunk for a rank, the first of them at row, and those that come from there: none if
// that is a mate.
func (d *allToAll) placeFarRank(r, chunk, row int) (sent, come int) {
	if d.headerFrom[r] == 0 {
		return 0, 0
	}
	first, next := cut(chunk, d.chunks, d.first[r+1]-d.first[r])
	for s := d.first[r] + first; s < d.first[r]+next; s++ {
		d.next[s] = int32(row + sent)
		sent += int(d.sent[s])
	}
	first, next = cut(chunk, d.chunks, len(d.owned))
	return sent, sum(d.table[r*len(d.near)+d.ofBox[d.box.self]:][first:next])
}
