package layers

import (
	"fmt"

	"capmoe/collective"
	"capmoe/layers/capacity"
)

// A record is what a rank tells the ranks of a node of a step: its mates in its head, the others through its relay
// there, in whose head it follows the relay's own and those of ranks before.
//
//	hash of the plan │ rows in the parcel │ pairs of each slot of the node

// recordWords is the int32s of a record before the slots.
const recordWords = hashWords + 1

// relayWords is how many int32s a rank has to say, at most: its own record, and those of the ranks that it is a relay of.
func relayWords(l capacity.Layout, where []Placement) (words int) {
	records := make([]int, l.Ranks())
	for r := range records {
		records[r]++
		for _, relay := range peersOf(relaysOf(l, r)) {
			records[relay]++
		}
	}
	for _, p := range where {
		slots := make([]int, l.Nodes())
		for r, held := range p.Held {
			slots[l.RankNode[r]] += len(held)
		}
		for r, n := range records {
			words = max(words, n*(recordWords+slots[l.RankNode[r]]))
		}
	}
	return words
}

// countParcels counts what goes into the parcels.
func (h *hierarchical) countParcels(plan *capacity.Plan) {
	for k := range h.out {
		h.out[k].pairs, h.out[k].rows, h.out[k].token = 0, 0, -1
	}
	for t := range len(plan.Offset) - 1 {
		for i := plan.Offset[t]; i < plan.Offset[t+1]; i++ {
			if k := h.lane[h.pairSlot[i]]; k >= 0 {
				p := &h.out[k]
				p.pairs++
				if p.token != t {
					p.rows, p.token = p.rows+1, t
				}
			}
		}
	}
}

// agreeByRelays is agree where relays bring the records of other nodes.
func (h *hierarchical) agreeByRelays(plan *capacity.Plan) error {
	head := h.box.open()
	h.record(head[:0], plan, 0, h.near)
	h.header = h.header[:0]
	for _, p := range h.out {
		h.header = h.record(h.header, plan, p.rows, p.slots)
	}
	words := func(p *parcel) int { return recordWords + len(p.slots) }
	h.countBytes(h.sendCounts, h.out, words)
	h.countBytes(h.recvCounts, h.in, words)
	if err := collective.AllToAllV(h.comm, head[recordWords+len(h.near):], h.recvCounts, h.header, h.sendCounts); err != nil {
		return fmt.Errorf("layers: layer %d: counts: %w", plan.Layer, err)
	}
	h.box.window.Arrive()
	if err := h.box.window.Await(); err != nil {
		return fmt.Errorf("layers: layer %d: counts: %w", plan.Layer, err)
	}
	return h.readRecords(plan)
}

// record appends this rank's record for some slots.
func (h *hierarchical) record(dst []int32, plan *capacity.Plan, rows int, slots []int32) []int32 {
	at := len(dst)
	dst = append(dst, 0, 0, int32(rows))
	putHash(dst[at:], plan.Hash())
	for _, s := range slots {
		dst = append(dst, h.sent[s])
	}
	return dst
}

// readRecords fills the table, and what is known of the parcels to come, from the heads of all mates, and holds it against the plan.
func (h *hierarchical) readRecords(plan *capacity.Plan) error {
	for m, mate := range h.box.mates {
		head, err := h.readRecord(plan, mate, h.box.head(m))
		for _, source := range h.relays.sources[m] {
			if err == nil {
				head, err = h.readRecord(plan, source, head)
			}
		}
		if err != nil {
			return err
		}
	}
	near := len(h.near)
	head := h.box.head(h.box.self)
	for k := range h.in {
		p := &h.in[k]
		head = head[recordWords+near:]
		p.rows, p.pairs = int(head[hashWords]), sum(h.table[p.peer*near:(p.peer+1)*near])
	}
	return h.checkSent(plan)
}

// readRecord reads a rank's record at the start of some, and gives the others.
func (h *hierarchical) readRecord(plan *capacity.Plan, rank int, records []int32) ([]int32, error) {
	if err := h.checkHash(plan, rank, records); err != nil {
		return nil, err
	}
	near := len(h.near)
	copy(h.table[rank*near:(rank+1)*near], records[recordWords:])
	return records[recordWords+near:], nil
}
