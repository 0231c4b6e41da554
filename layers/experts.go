package layers

import (
	"cmp"
	"slices"

	"capmoe/layers/kernel"
)

// experts runs the experts that this rank owns on the rows sent to it. Each thread takes one expert after the other, so that it waits for no other and reads
// what it has written itself. Only those experts with so many rows that threads would be idle at the end are computed by all of them together.
type experts struct {
	hidden int
	lib    kernel.Library // nil: one thread
	mlps   []*mlp         // [threads]

	in       arrived         // under way
	weights  []ExpertWeights // [owned]
	starts   []int           // [owned] the first row of each expert
	order    []int           // the experts with rows; with several threads those with most rows first
	together int             // how many of them, from the first, are computed by all threads
	busy     []int           // [threads] costs of what each has taken
	one      func(worker, i int)
}

const (
	leastCost    = 32   // an expert of fewer rows costs as much as one of so many: reading its weights
	togetherCost = 1.15 // what all threads together take for an expert, over their share of what one thread takes
)

func newExperts(p Parts) *experts {
	threads := threadsOf(p.Kernels)
	x := &experts{hidden: p.Config.Hidden, lib: p.Kernels, busy: make([]int, threads)}
	for range threads {
		x.mlps = append(x.mlps, newMLP(p.Kernels, p.Config.MoE.Activation))
	}
	x.one = func(worker, i int) { x.run(worker, x.order[x.together+i]) }
	return x
}

// forward computes the outputs of the owned experts. With one thread they are computed one after the other: outputs may lie where rows were.
func (x *experts) forward(in arrived, w []ExpertWeights) {
	x.in, x.weights = in, w
	x.starts, x.order = x.starts[:0], x.order[:0]
	at := 0
	for i, n := range in.counts {
		x.starts = append(x.starts, at)
		at += n
		if n > 0 {
			x.order = append(x.order, i)
		}
	}
	x.together = len(x.order)
	if len(x.mlps) > 1 {
		slices.SortStableFunc(x.order, func(i, j int) int { return cmp.Compare(in.compute[j], in.compute[i]) })
		x.together = x.tooLarge()
	}
	for _, i := range x.order[:x.together] {
		x.run(0, i)
	}
	if x.together < len(x.order) {
		x.lib.Each(len(x.order)-x.together, x.one)
	}
}

// run computes an expert.
func (x *experts) run(worker, i int) {
	in, h, at := &x.in, x.hidden, x.starts[i]
	own, computed := in.outputs[at*h:(at+in.counts[i])*h], in.compute[i]
	x.mlps[worker].forward(own, in.rows.From(at*h), computed, &x.weights[i])
	clear(own[computed*h:])
	if worker == 0 && in.between != nil {
		in.between()
	}
}

// tooLarge is how many experts, of those with most rows, keep the threads from sharing the others well: to take one after the other would be slower than
// computing all of them together.
func (x *experts) tooLarge() int {
	threads := len(x.busy)
	for n := 0; n+threads <= len(x.order); n++ {
		total, longest := x.shareOut(x.order[n:])
		if float64(longest*threads) <= togetherCost*float64(total) {
			return n
		}
	}
	return len(x.order)
}

// shareOut has every expert taken by the thread that is through first, and gives the cost of all of them and that of the thread that is through last.
func (x *experts) shareOut(experts []int) (total, longest int) {
	clear(x.busy)
	for _, i := range experts {
		cost, first := max(leastCost, x.in.compute[i]), 0
		for worker, busy := range x.busy {
			if busy < x.busy[first] {
				first = worker
			}
		}
		x.busy[first] += cost
		total += cost
	}
	return total, slices.Max(x.busy)
}
