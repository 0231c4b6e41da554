package layers

import (
	"slices"
	"unsafe"

	"capmoe/layers/capacity"
)

// parcel is what a rank sends to its relay on another node in a step:
//
//	places [pairs] │ rows [rows, H], as they travel
//
// A place is the slot that a row goes to. Those of a token follow each other, and all but the first are inverted, ^slot:
// they share a row.
type parcel struct {
	peer        int     // the relay, or where the parcel comes from
	slots       []int32 // of the relay's node
	pairs, rows int
	token       int // the last with a row in it
	first       int // the first of its pairs among those of all parcels, in whose order outputs come back
	places      []int32
	body        []byte
}

// bytes is the size of a parcel with rows of a size. Places are aligned in the next, too.
func (p *parcel) bytes(row int) int { return (4*p.pairs + p.rows*row + 3) &^ 3 }

// add puts a row in, if it is not there yet, and gives the number of the pair.
func (p *parcel) add(token int, slot int32, row []byte) int32 {
	if p.token == token {
		slot = ^slot
	} else {
		p.token = token
		p.body = append(p.body, row...)
	}
	p.places = append(p.places, slot)
	return int32(p.first + len(p.places) - 1)
}

// countBytes says how much goes to or comes from every rank where a parcel counts so much.
func (h *hierarchical) countBytes(counts []int, parcels []parcel, size func(*parcel) int) {
	clear(counts)
	for k := range parcels {
		counts[parcels[k].peer] = size(&parcels[k])
	}
}

// layParcels gives parcels their memory, which outputs take afterwards.
func (h *hierarchical) layParcels() {
	h.send = h.layIn(h.send, h.out)
	h.recv = h.layIn(h.recv, h.in)
	for k := range h.out {
		p := &h.out[k]
		p.places, p.body, p.token = p.places[:0], p.body[:0], -1
		for _, s := range p.slots {
			h.view[s] = h.send
		}
	}
}

// layIn lays parcels into memory, one behind the other, and gives it, larger where that must be.
func (h *hierarchical) layIn(memory []float32, parcels []parcel) []float32 {
	size, at, pairs := h.carry.rowBytes(), 0, 0
	for k := range parcels {
		at, pairs = at+parcels[k].bytes(size), pairs+parcels[k].pairs
	}
	memory = grow(memory, max(at/4, pairs*h.hidden))
	all := bytesOf(memory)
	at, pairs = 0, 0
	for k := range parcels {
		p := &parcels[k]
		p.first = pairs
		p.places = unsafe.Slice((*int32)(unsafe.Pointer(unsafe.SliceData(all[at:]))), p.pairs)
		body := at + 4*p.pairs
		p.body = all[body : body+p.rows*size : body+p.rows*size]
		at, pairs = at+p.bytes(size), pairs+p.pairs
	}
	return memory
}

// packParcels copies every pair's row to where it is computed, or into a parcel.
func (h *hierarchical) packParcels(plan *capacity.Plan, x []float32) {
	for t := range len(plan.Offset) - 1 {
		row := h.carry.load(0, x[t*h.hidden:(t+1)*h.hidden])
		for i := plan.Offset[t]; i < plan.Offset[t+1]; i++ {
			s := h.pairSlot[i]
			if k := h.lane[s]; k >= 0 {
				h.pairRow[i] = h.out[k].add(t, s, row)
			} else {
				h.pairRow[i] = h.put(s, &h.next[s], row)
			}
		}
	}
}

// put copies a row to the next place for its slot, and gives that.
func (h *hierarchical) put(slot int32, next *int32, row []byte) int32 {
	at := *next
	*next++
	copy(h.into[slot][int(at)*len(row):], row)
	return at
}

// unpackParcels copies the rows that have come for this rank's mates to where they are computed.
func (h *hierarchical) unpackParcels() {
	size := h.carry.rowBytes()
	h.taken = h.taken[:0]
	for k := range h.in {
		p := &h.in[k]
		after := h.after[k*len(h.slots) : (k+1)*len(h.slots)]
		h.taken = slices.Grow(h.taken, p.pairs)
		var row []byte
		body := p.body
		for _, s := range p.places {
			if s < 0 {
				s = ^s
			} else {
				row, body = body[:size], body[size:]
			}
			h.taken = append(h.taken, taken{s, h.put(s, &after[s], row)})
		}
	}
}
