package layers

import "capmoe/layers/kernel"

// heads collects the heads of a layer, of all sequences, and computes them on the
// kernels' threads. A head is computed by one of them, so that its bits do not depend
// on their number.
type heads struct {
	lib   kernel.Library
	runs  []runHeads
	parts []headPart
	team  []attender // of each worker
	one   func(worker, i int)
}

// headPart is heads [first, end) of a run, which a worker computes.
type headPart struct {
	run, first, end int
}

// partsPerThread is how many parts a thread has to take where heads of a run could stay together.
const partsPerThread = 4

func newHeads(lib kernel.Library) *heads {
	hs := &heads{lib: lib, team: make([]attender, lib.Threads())}
	for i := range hs.team {
		hs.team[i].lib, hs.team[i].fast = lib, lib.NewAttender()
	}
	hs.one = func(worker, i int) {
		part := hs.parts[i]
		hs.team[worker].attend(&hs.runs[part.run], part.first, part.end)
	}
	return hs
}

func (hs *heads) add(r runHeads) { hs.runs = append(hs.runs, r) }

// attend computes the heads that were added.
func (hs *heads) attend() {
	hs.parts = hs.parts[:0]
	for i := range hs.runs {
		hs.cut(i)
	}
	hs.lib.Each(len(hs.parts), hs.one)
	clear(hs.runs)
	hs.runs = hs.runs[:0]
}

// cut cuts the heads of a run into parts: a single query's into as few as keep all threads busy, others one by one.
func (hs *heads) cut(run int) {
	r := &hs.runs[run]
	together, parts := 1, r.heads
	if !r.dense() {
		together, parts = r.shared, 1
		if threads := len(hs.team); threads > 1 {
			parts = min(r.heads/r.shared, (partsPerThread*threads+len(hs.runs)-1)/len(hs.runs))
		}
	}
	all := r.heads / together
	for i := range parts {
		hs.parts = append(hs.parts, headPart{run, i * all / parts * together, (i + 1) * all / parts * together})
	}
}
