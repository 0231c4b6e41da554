package layers

import (
	"fmt"
	"slices"

	"capmoe/collective"
	"capmoe/layers/capacity"
)

// relaysOf says through which rank this one reaches each other rank, [P], where rows travel by Hierarchical: the i-th rank of a
// node through the i-th of every other, and where that has only m ranks, through number i mod m. Mates need no relay: -1.
func relaysOf(l capacity.Layout, rank int) []int {
	members := make([][]int, l.Nodes())
	place := 0
	for r, node := range l.RankNode {
		if r == rank {
			place = len(members[node])
		}
		members[node] = append(members[node], r)
	}
	to := make([]int, l.Ranks())
	for r, node := range l.RankNode {
		to[r] = -1
		if node != l.RankNode[rank] {
			to[r] = members[node][place%len(members[node])]
		}
	}
	return to
}

// relays is what the hierarchical exchanges of all layers share.
type relays struct {
	to      []int   // [P] as relaysOf says
	peers   []int   // this rank's relays on other nodes, rising
	sources [][]int // [mates] the ranks that each mate is a relay of, rising
	rows    int     // every rank of every node has memory for
	left    bool    // a node had too little: no rank relays any more
}

// newRelays finds out who relays for whom. It gives nil where no one can: all ranks are on one node,
// or those of some node share no memory. All ranks of c call it.
func newRelays(c collective.Communicator, l capacity.Layout, box *mailbox) (*relays, error) {
	shared := true
	for r, node := range l.RankNode {
		shared = shared && (node != l.RankNode[c.Rank()] || box.place(r) >= 0)
	}
	if shared, err := everywhere(c, shared); err != nil || !shared || len(box.mates) == c.Size() {
		return nil, err
	}
	to := relaysOf(l, c.Rank())
	rs := &relays{to: to, peers: peersOf(to), sources: make([][]int, len(box.mates))}
	for r := range l.Ranks() {
		if relay := relaysOf(l, r)[c.Rank()]; relay >= 0 {
			m := box.place(relay)
			rs.sources[m] = append(rs.sources[m], r)
		}
	}
	return rs, nil
}

// peersOf lists the relays of a rank, rising.
func peersOf(to []int) []int {
	return slices.Compact(slices.Sorted(slices.Values(to)))[1:] // the first is -1, its own
}

// everywhere says whether something holds on all ranks, which call it together.
func everywhere(c collective.Communicator, holds bool) (bool, error) {
	least := []int32{0}
	if holds {
		least[0] = 1
	}
	err := collective.AllReduce(c, collective.Min, least)
	return least[0] == 1, err
}

// makeRoomEverywhere is makeRoom for all nodes alike, so that all ranks know it if the memory of one does not suffice: then they have left
// their relays.
func (h *hierarchical) makeRoomEverywhere(plan *capacity.Plan) error {
	rows, err := h.mostRows(plan)
	if err != nil {
		return err
	}
	for r := range h.comm.Size() {
		sent, slots := 0, h.slots[h.first[r]:h.first[r+1]]
		for _, s := range slots {
			sent += int(plan.LoadSent[s.expert]) // to its replicas, too
		}
		rows = max(rows, h.roomFor(plan, sent, len(slots)))
	}
	if rows > h.relays.rows {
		shared, err := h.box.reserve(h.carry.room(rows))
		if err == nil {
			shared, err = everywhere(h.comm, shared)
		}
		if err != nil {
			return fmt.Errorf("layers: layer %d: memory of a node for %d rows on each rank: %w", plan.Layer, rows, err)
		}
		h.relays.rows, h.relays.left = rows, !shared
		if !shared {
			return nil
		}
	}
	for m := range h.box.mates {
		h.placeRows(m)
	}
	h.placeRelayed()
	h.layParcels()
	return nil
}

// placeRelayed finds where the rows of each rank that this one is a relay of lie among those of every mate.
func (h *hierarchical) placeRelayed() {
	for j, s := range h.near {
		at, k := h.next[s], 0
		for r := range h.comm.Rank() {
			at -= h.table[r*len(h.near)+j]
		}
		for r := range h.comm.Size() {
			if k < len(h.in) && h.in[k].peer == r {
				h.after[k*len(h.slots)+int(s)] = at
				k++
			}
			at += h.table[r*len(h.near)+j]
		}
	}
}
