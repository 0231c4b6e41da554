package layers

import "capmoe/layers/kernel"

// heads collects the heads of a layer, of all sequences, and computes them on the
// kernels' threads. A head is computed by one of them, so that its bits do not depend
// on their number.
type heads struct {
	lib     kernel.Library
	waiting []head
	team    []attender // of each worker
	one     func(worker, i int)
}

func newHeads(lib kernel.Library) *heads {
	hs := &heads{lib: lib, team: make([]attender, lib.Threads())}
	for i := range hs.team {
		hs.team[i].lib, hs.team[i].fast = lib, lib.NewAttender()
	}
	hs.one = func(worker, i int) { hs.team[worker].attend(hs.waiting[i]) }
	return hs
}

func (hs *heads) add(h head) { hs.waiting = append(hs.waiting, h) }

// attend computes the heads that were added.
func (hs *heads) attend() {
	hs.lib.Each(len(hs.waiting), hs.one)
	clear(hs.waiting)
	hs.waiting = hs.waiting[:0]
}
