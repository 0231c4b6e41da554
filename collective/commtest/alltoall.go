package commtest

import (
	"math/rand/v2"
	"slices"

	"capmoe/collective"
)

// shape says how many elements each rank sends to each in a group of a size.
type shape func(size, src, dst int) int

var allToAllRules = []rule{
	{"alltoallv: small blocks reach their ranks", exchanges(func(_, src, dst int) int { return 1 + (2*src+dst)%5 })},
	{"alltoallv: nothing at all to send", exchanges(func(int, int, int) int { return 0 })},
	{"alltoallv: idle ranks take part", exchanges(func(_, src, dst int) int { return 7 * (1 - src%2) * (1 - dst%2) })},
	{"alltoallv: all to the last rank", exchanges(only(func(size, _, dst int) bool { return dst == size-1 }))},
	{"alltoallv: one to all", exchanges(only(func(_, src, _ int) bool { return src == 0 }))},
	{"alltoallv: one to one", exchanges(only(func(size, src, dst int) bool { return src == 0 && dst == size-1 }))},
	{"alltoallv: each to itself", exchanges(only(func(_, src, dst int) bool { return src == dst }))},
	{"alltoallv: each to its neighbour", exchanges(only(func(size, src, dst int) bool { return dst == (src+1)%size }))},
	{"alltoallv: large blocks", exchanges(large(func(_, src, dst int) int { return 9000 + 100*src + dst }))},
	{"alltoallv: ragged blocks", raggedExchanges},
	{"alltoall: equal blocks", equalBlocks[uint64]},
	{"alltoall: equal blocks of bytes", equalBlocks[uint8]},
}

// only is 33 elements where the pair is chosen, and none elsewhere.
func only(chosen func(size, src, dst int) bool) shape {
	return func(size, src, dst int) int {
		if chosen(size, src, dst) {
			return 33
		}
		return 0
	}
}

// mostLarge is how many large blocks a rank sends and receives at most: what it holds hardly grows with its group.
const mostLarge = 8

// large is s from every rank to itself and the ranks behind it, and an element or two to the others.
func large(s shape) shape {
	return func(size, src, dst int) int {
		if (dst-src+size)%size < mostLarge {
			return s(size, src, dst)
		}
		return 1 + (src+dst)%2
	}
}

func exchanges(s shape) func(c collective.Communicator) error {
	return func(c collective.Communicator) error { return exchangeAll(c, s) }
}

// exchangeAll exchanges with elements of one, four and eight bytes.
func exchangeAll(c collective.Communicator, s shape) error {
	if err := collective.Agree(c, exchange[uint8](c, s)); err != nil {
		return err
	}
	if err := collective.Agree(c, exchange[float32](c, s)); err != nil {
		return err
	}
	return exchange[uint64](c, s)
}

func exchange[T collective.Elem](c collective.Communicator, s shape) error {
	size, me := c.Size(), c.Rank()
	var sendCounts, recvCounts []int
	var send, want []T
	for peer := range size {
		sendCounts = append(sendCounts, s(size, me, peer))
		recvCounts = append(recvCounts, s(size, peer, me))
		send = append(send, block[T](me, peer, sendCounts[peer])...)
		want = append(want, block[T](peer, me, recvCounts[peer])...)
	}
	before := slices.Clone(send)
	recv := guarded[T](len(want))
	if err := collective.AllToAllV(c, recv, recvCounts, send, sendCounts); err != nil {
		return err
	}
	if err := unchanged(send, before); err != nil {
		return err
	}
	return compare(recv, want)
}

func raggedExchanges(c collective.Communicator) error {
	for seed := range uint64(20) {
		counts := raggedCounts(seed, c.Size())
		err := exchangeAll(c, func(size, src, dst int) int { return counts[src*size+dst] })
		if err := collective.Agree(c, err); err != nil {
			return err
		}
	}
	return nil
}

// raggedCounts is the same [size, size] matrix on every rank, a third of it 0.
func raggedCounts(seed uint64, size int) []int {
	random := rand.New(rand.NewPCG(seed, uint64(size)))
	counts := make([]int, size*size)
	for i := range counts {
		counts[i] = random.IntN(300) * min(random.IntN(3), 1)
	}
	return counts
}

func equalBlocks[T collective.Elem](c collective.Communicator) error {
	for _, n := range []int{0, 1, 50} {
		var send, want []T
		for peer := range c.Size() {
			send = append(send, block[T](c.Rank(), peer, n)...)
			want = append(want, block[T](peer, c.Rank(), n)...)
		}
		before := slices.Clone(send)
		recv := guarded[T](len(want))
		err := collective.AllToAll(c, recv, send)
		if err == nil {
			err = unchanged(send, before)
		}
		if err == nil {
			err = compare(recv, want)
		}
		if err := collective.Agree(c, err); err != nil {
			return err
		}
	}
	return nil
}
