package commtest

import (
	"errors"
	"fmt"
	"hash/fnv"
	"slices"

	"capmoe/collective"
)

// agreementRules are faults between ranks, or on one rank only: all ranks hear of
// them, and the group stays usable.
var agreementRules = []rule{
	{"agree: no error on any rank", agrees(func(_, _ int) bool { return false })},
	{"agree: the first rank fails", agrees(func(_, rank int) bool { return rank == 0 })},
	{"agree: the last rank fails", agrees(func(size, rank int) bool { return rank == size-1 })},
	{"agree: several ranks fail", agrees(func(size, rank int) bool { return rank >= size/2 })},
	verified("alltoallv: more bytes than expected", func(a oneRank) error {
		return a.c.AllToAllV(a.buf, a.receives(4), a.other, a.sends(7))
	}),
	verified("alltoallv: bytes to a rank that expects none", func(a oneRank) error {
		return a.c.AllToAllV(a.buf, a.receives(0), a.other, a.sends(7))
	}),
	verified("alltoallv: no bytes to a rank that expects some", func(a oneRank) error {
		return a.c.AllToAllV(a.buf, a.receives(7), a.other, a.sends(0))
	}),
	verified("alltoallv: one rank's counts are negative", func(a oneRank) error {
		return a.c.AllToAllV(a.buf, a.receives(0), a.other, a.sends(-7))
	}),
	verified("alltoall: one rank's elements do not divide", func(a oneRank) error {
		return collective.AllToAll(a.c, a.buf, a.other[:a.choose(2*a.c.Size(), a.c.Size()+1)])
	}),
	verified("allgatherv: one rank expects another length", func(a oneRank) error {
		counts := slices.Repeat([]int{4}, a.c.Size())
		counts[0] = a.choose(4, 5)
		return a.c.AllGatherV(a.buf, counts, a.other[:4])
	}),
	verified("allreduce: one rank's vector is longer", func(a oneRank) error {
		return a.c.AllReduce(a.buf[:a.choose(16, 24)], collective.Int64, collective.Sum)
	}),
	verified("allreduce: one rank's elements are of another type", func(a oneRank) error {
		return a.c.AllReduce(a.buf[:16], collective.Type(a.choose(int(collective.Int64), int(collective.Float64))), collective.Sum)
	}),
	verified("allreduce: one rank asks for another operation", func(a oneRank) error {
		return a.c.AllReduce(a.buf[:16], collective.Int64, collective.Op(a.choose(int(collective.Sum), int(collective.Max))))
	}),
	verified("bcast: one rank's buffer is shorter", func(a oneRank) error {
		return a.c.Broadcast(a.buf[:a.choose(16, 15)], 0)
	}),
	verified("bcast: one rank names another root", func(a oneRank) error {
		return a.c.Broadcast(a.buf, a.choose(0, a.c.Size()-1))
	}),
	verified("bcast: one rank names a root beyond the group", func(a oneRank) error {
		return a.c.Broadcast(a.buf, a.choose(0, a.c.Size()))
	}),
	verified("one rank calls another operation", func(a oneRank) error {
		if a.c.Rank() == a.c.Size()-1 {
			return a.c.Barrier()
		}
		return a.c.Broadcast(a.buf, 0)
	}),
	{"verified: what is right goes through", rightOnes},
}

var errOwn = errors.New("its own error")

// agrees lets the chosen ranks fail.
func agrees(fails func(size, rank int) bool) func(c collective.Communicator) error {
	return func(c collective.Communicator) error {
		size, me := c.Size(), c.Rank()
		lowest, failed := -1, 0
		for rank := size - 1; rank >= 0; rank-- {
			if fails(size, rank) {
				lowest, failed = rank, failed+1
			}
		}
		var own error
		if fails(size, me) {
			own = fmt.Errorf("rank %d has %w", me, errOwn)
		}
		err := collective.Agree(c, own)
		if failed == 0 {
			return err
		}
		var e *collective.RankError
		switch {
		case !errors.As(err, &e):
			return fmt.Errorf("gives %v, want a *collective.RankError", err)
		case e.Rank != lowest || e.Failed != failed || e.Size != size:
			return fmt.Errorf("names rank %d, %d of %d failed; want rank %d, %d of %d", e.Rank, e.Failed, e.Size, lowest, failed, size)
		case e.Text != fmt.Sprintf("rank %d has %v", lowest, errOwn):
			return fmt.Errorf("says %q of rank %d", e.Text, lowest)
		case errors.Is(err, errOwn) != (own != nil):
			return fmt.Errorf("wraps its own error: %t, has one: %t", errors.Is(err, errOwn), own != nil)
		}
		return nil
	}
}

// oneRank are the arguments of a verified operation that the last rank gets wrong.
type oneRank struct {
	c          collective.Communicator
	buf, other []byte
}

// choose is wrong on the last rank and right on the others.
func (a oneRank) choose(right, wrong int) int {
	if a.c.Rank() == a.c.Size()-1 {
		return wrong
	}
	return right
}

// sends are counts with which the last rank sends n bytes to rank 0, and receives
// those with which rank 0 expects n bytes of it. All else is 0.
func (a oneRank) sends(n int) []int {
	counts := make([]int, a.c.Size())
	counts[0] = a.choose(0, n)
	return counts
}

func (a oneRank) receives(n int) []int {
	counts := make([]int, a.c.Size())
	if a.c.Rank() == 0 {
		counts[len(counts)-1] = n
	}
	return counts
}

func verified(fault string, call func(a oneRank) error) rule {
	return rule{"verified " + fault, func(c collective.Communicator) error {
		if c.Size() == 1 {
			return nil // a rank alone agrees with itself
		}
		room := 16 * c.Size()
		a := oneRank{collective.Verified(c), guarded[byte](room), block[byte](0, 0, room)}
		if err := sameEverywhere(c, call(a)); err != nil {
			return err
		}
		if err := compare(a.buf, nil); err != nil {
			return err
		}
		return exchange[uint8](c, func(_, src, dst int) int { return 1 + src + dst })
	}}
}

// sameEverywhere checks that err is the same *collective.RankError on all ranks.
func sameEverywhere(c collective.Communicator, err error) error {
	h := fnv.New64a()
	fmt.Fprint(h, err)
	low, high := []uint64{h.Sum64()}, []uint64{h.Sum64()}
	if err := collective.AllReduce(c, collective.Min, low); err != nil {
		return err
	}
	if err := collective.AllReduce(c, collective.Max, high); err != nil {
		return err
	}
	var e *collective.RankError
	if !errors.As(err, &e) {
		return fmt.Errorf("gives %v, want a *collective.RankError", err)
	}
	if low[0] != high[0] {
		return fmt.Errorf("gives %q, another rank something else", err)
	}
	return nil
}

// rightOnes runs other rules over a verified group.
func rightOnes(c collective.Communicator) error {
	v := collective.Verified(c)
	for _, r := range [][]rule{allToAllRules[:5], gatherRules, reduceRules[:1], splitRules[:1]} {
		for _, r := range r {
			if err := r.test(v); err != nil {
				return fmt.Errorf("%s: %w", r.name, err)
			}
		}
	}
	return nil
}
