package commtest

import (
	"slices"

	"capmoe/collective"
)

var gatherRules = []rule{
	{"allgatherv: blocks of different lengths", gathers(func(_, src int) int { return 3 + 5*src })},
	{"allgatherv: some ranks have nothing", gathers(func(_, src int) int { return 20 * (src % 2) })},
	{"allgatherv: only the last rank has something", gathers(func(size, src int) int { return 11 * ((src + 1) / size) })},
	{"allgatherv: nothing at all", gathers(func(int, int) int { return 0 })},
	{"allgatherv: large blocks", gathers(fewLarge)},
	{"allgather: equal blocks", equalGather},
	{"bcast: from every root", broadcasts},
	{"barrier: any number of them", barriers},
}

// fewLarge is large blocks of the first ranks, and small ones of the others.
func fewLarge(_, src int) int {
	if src < mostLarge {
		return 20000 - src
	}
	return src % 5
}

// gathers gathers as many elements of each rank as count says.
func gathers(count func(size, src int) int) func(c collective.Communicator) error {
	return func(c collective.Communicator) error {
		if err := collective.Agree(c, gather[uint16](c, count)); err != nil {
			return err
		}
		return gather[float64](c, count)
	}
}

func gather[T collective.Elem](c collective.Communicator, count func(size, src int) int) error {
	var counts []int
	var want []T
	for src := range c.Size() {
		counts = append(counts, count(c.Size(), src))
		want = append(want, block[T](src, everyone, counts[src])...)
	}
	send := block[T](c.Rank(), everyone, counts[c.Rank()])
	before := slices.Clone(send)
	recv := guarded[T](len(want))
	if err := collective.AllGatherV(c, recv, counts, send); err != nil {
		return err
	}
	if err := unchanged(send, before); err != nil {
		return err
	}
	return compare(recv, want)
}

func equalGather(c collective.Communicator) error {
	var want []int32
	for src := range c.Size() {
		want = append(want, block[int32](src, everyone, 6)...)
	}
	recv := guarded[int32](len(want))
	if err := collective.AllGather(c, recv, block[int32](c.Rank(), everyone, 6)); err != nil {
		return err
	}
	return compare(recv, want)
}

func broadcasts(c collective.Communicator) error {
	for root := range c.Size() {
		for _, n := range []int{0, 1, 1000, 30000} {
			want := block[uint16](root, everyone, n)
			buf := guarded[uint16](n)
			if c.Rank() == root {
				copy(buf, want)
			}
			err := collective.Broadcast(c, buf[:n], root)
			if err == nil {
				err = compare(buf, want)
			}
			if err := collective.Agree(c, err); err != nil {
				return err
			}
		}
	}
	return nil
}

func barriers(c collective.Communicator) error {
	for range 10 {
		if err := c.Barrier(); err != nil {
			return err
		}
	}
	return nil
}
