package runtime

import "capmoe/collective"

// waits is what the ranks' exchanges took, by the rank that came last: in each phase of
// each layer of each step, the one with the least time inside operations. Where other
// ranks come last to other operations of one phase, some waiting counts as wire.
type waits struct {
	wire    int64   // ns inside operations of those that came last
	forRank []int64 // [P] ns that this rank waited for each
}

// rankBits leaves 43 bits for the nanoseconds of a phase: two hours.
const rankBits = 20

// fold compares the time inside operations, [steps, layers, phases], over the ranks.
func (w *waits) fold(c collective.Communicator, inside []int64) error {
	least := make([]int64, len(inside))
	for i, ns := range inside {
		least[i] = ns<<rankBits | int64(c.Rank())
	}
	if err := collective.AllReduce(c, collective.Min, least); err != nil {
		return err
	}
	for i, ns := range inside {
		wire, last := least[i]>>rankBits, least[i]&(1<<rankBits-1)
		w.wire += wire
		w.forRank[last] += ns - wire
	}
	return nil
}
