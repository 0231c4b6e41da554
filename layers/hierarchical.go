package layers

import (
	"fmt"
	"slices"

	"capmoe/collective"
	"capmoe/layers/capacity"
)

// hierarchical is allToAll for nodes of several ranks: a row goes to another node once, however many of its experts
// are there. A relay on that node puts it into the memory of every mate that computes it, and sends their outputs back.
//
//	           ┌─ to mates: each row once, into its place ────────────────────────────────▶ rows ─ by expert, then source
//	x [T_l, H] ┤                                                                             ▲
//	           └─ a parcel for each other node ══ MPI ══▶ a relay there ─ once for each pair ┘
//
// Rows have the places, and outputs are combined in the order, that they have in allToAll, and so results the same bits.
// Where the memory of a node does not suffice, all ranks go on as allToAll does.
type hierarchical struct {
	*allToAll
	relays *relays

	lane  []int32  // [slots] which of the parcels out takes rows there, or -1: it is a mate's
	out   []parcel // to the relay on each other node, by rank
	in    []parcel // from each rank that this one is a relay of, by rank
	after []int32  // [in, slots] where the next row of each of them goes
	taken []taken  // [pairs of in]
}

// taken is where a relay has put a row: its output will be there.
type taken struct{ slot, row int32 }

func newHierarchical(d *allToAll, r *relays) *hierarchical {
	h := &hierarchical{allToAll: d, relays: r, lane: make([]int32, len(d.slots))}
	for _, peer := range r.peers {
		h.out = append(h.out, parcel{peer: peer})
	}
	for s, slot := range d.slots {
		k := slices.Index(r.peers, r.to[slot.rank])
		if h.lane[s] = int32(k); k >= 0 {
			h.out[k].slots = append(h.out[k].slots, int32(s))
		}
	}
	for _, source := range r.sources[d.box.self] {
		h.in = append(h.in, parcel{peer: source, slots: d.near})
	}
	h.after = make([]int32, len(h.in)*len(d.slots))
	return h
}

// begin puts the rows of x, [T_l, H], into the memory of mates and into parcels.
func (h *hierarchical) begin(plan *capacity.Plan, x []float32) error {
	if h.relays.left {
		return h.allToAll.begin(plan, x)
	}
	h.chunk, h.chunks = 0, h.lap.begin(plan.Tokens)
	h.assign(plan)
	h.countParcels(plan)
	if err := h.agreeByRelays(plan); err != nil {
		return err
	}
	if err := h.makeRoomEverywhere(plan); err != nil || h.relays.left {
		if err == nil {
			err = h.allToAll.begin(plan, x)
		}
		return err
	}
	h.packParcels(plan, x)
	return nil
}

// finish sends the parcels, takes those of others apart, and gives the rows sent to this rank.
func (h *hierarchical) finish(plan *capacity.Plan) (arrived, error) {
	if h.relays.left {
		return h.allToAll.finish(plan)
	}
	size := h.carry.rowBytes()
	h.countBytes(h.sendCounts, h.out, func(p *parcel) int { return p.bytes(size) })
	h.countBytes(h.recvCounts, h.in, func(p *parcel) int { return p.bytes(size) })
	if err := collective.AllToAllV(h.comm, bytesOf(h.recv), h.recvCounts, bytesOf(h.send), h.sendCounts); err != nil {
		return arrived{}, fmt.Errorf("layers: layer %d: dispatch: %w", plan.Layer, err)
	}
	h.unpackParcels()
	h.box.window.Arrive()
	if err := h.box.window.Await(); err != nil {
		return arrived{}, fmt.Errorf("layers: layer %d: dispatch: %w", plan.Layer, err)
	}
	return h.received(plan), nil
}

// combine is that of allToAll. Relays read the outputs of mates, too, one for each pair, and send them back in the
// order in which their rows have come.
func (h *hierarchical) combine(plan *capacity.Plan, y []float32) error {
	if h.relays.left {
		return h.allToAll.combine(plan, y)
	}
	h.box.window.Arrive()
	if err := h.box.window.Await(); err != nil {
		return fmt.Errorf("layers: layer %d: combine: %w", plan.Layer, err)
	}
	for i, at := range h.taken {
		copy(h.recv[i*h.hidden:(i+1)*h.hidden], h.view[at.slot][int(at.row)*h.hidden:])
	}
	h.countBytes(h.sendCounts, h.out, func(p *parcel) int { return p.pairs * h.hidden })
	h.countBytes(h.recvCounts, h.in, func(p *parcel) int { return p.pairs * h.hidden })
	if err := collective.AllToAllV(h.comm, h.send, h.sendCounts, h.recv, h.recvCounts); err != nil {
		return fmt.Errorf("layers: layer %d: combine: %w", plan.Layer, err)
	}
	h.add(plan, y)
	return h.lap.end()
}
