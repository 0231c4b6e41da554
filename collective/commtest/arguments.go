package commtest

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"capmoe/collective"
)

// argumentRules are faults that each rank finds in its own arguments: all ranks
// make them, nothing moves, and the group is as good as before.
var argumentRules = []rule{
	refused("alltoallv", "too few counts", func(a args) error {
		return a.c.AllToAllV(a.recv, a.counts[1:], a.send, a.counts)
	}),
	refused("alltoallv", "too many counts", func(a args) error {
		return a.c.AllToAllV(a.recv, a.counts, a.send, append(a.counts, 0))
	}),
	refused("alltoallv", "a negative count", func(a args) error {
		return a.c.AllToAllV(a.recv, a.with(-1), a.send, a.counts)
	}),
	refused("alltoallv", "blocks longer than the send buffer", func(a args) error {
		return a.c.AllToAllV(a.recv, a.counts, a.send[:1], a.with(2))
	}),
	refused("alltoallv", "blocks longer than the receive buffer", func(a args) error {
		return a.c.AllToAllV(a.recv[:1], a.with(2), a.send, a.counts)
	}),
	refused("alltoallv", "a count beyond any buffer", func(a args) error {
		return a.c.AllToAllV(a.recv, a.counts, a.send, a.with(math.MaxInt))
	}),
	refused("alltoallv", "counts whose sum wraps", func(a args) error {
		counts := slices.Repeat([]int{math.MaxInt/a.c.Size() + 1}, a.c.Size())
		return a.c.AllToAllV(a.recv, counts, a.send, counts)
	}),
	refused("alltoallv", "elements whose bytes wrap", func(a args) error {
		return collective.AllToAllV(a.c, []uint64{0}, a.with(math.MaxInt/4), []uint64{0}, a.counts)
	}),
	refused("alltoallv", "other counts to itself than from itself", func(a args) error {
		return a.c.AllToAllV(a.recv, a.with(1), a.send, a.with(2))
	}),
	refused("alltoallv", "elements that do not divide among the ranks", func(a args) error {
		if a.c.Size() == 1 {
			return collective.AllToAll(a.c, a.recv[:1], a.send[:2]) // 1 divides all
		}
		return collective.AllToAll(a.c, a.recv, a.send[:a.c.Size()+1])
	}),
	refused("allgatherv", "too many counts", func(a args) error {
		return a.c.AllGatherV(a.recv, append(a.counts, 0), nil)
	}),
	refused("allgatherv", "another length than its own count", func(a args) error {
		return a.c.AllGatherV(a.recv, a.with(2), a.send[:3])
	}),
	refused("allgatherv", "a receive buffer too short", func(a args) error {
		return collective.AllGather(a.c, a.recv[:3*a.c.Size()-1], a.send[:3])
	}),
	refused("allreduce", "part of an element", func(a args) error {
		return a.c.AllReduce(a.recv[:7], collective.Float32, collective.Sum)
	}),
	refused("allreduce", "no such type", func(a args) error {
		return a.c.AllReduce(a.recv[:8], collective.Float64+1, collective.Sum)
	}),
	refused("allreduce", "no such operation", func(a args) error {
		return a.c.AllReduce(a.recv[:8], collective.Int32, collective.Max+1)
	}),
	refused("bcast", "a negative root", func(a args) error { return a.c.Broadcast(a.recv, -1) }),
	refused("bcast", "a root beyond the group", func(a args) error { return a.c.Broadcast(a.recv, a.c.Size()) }),
}

// args are good arguments, for a rule to spoil one.
type args struct {
	c          collective.Communicator
	recv, send []byte
	counts     []int // all 0
}

// with is the counts with n for the own rank.
func (a args) with(n int) []int {
	counts := slices.Clone(a.counts)
	counts[a.c.Rank()] = n
	return counts
}

func refused(op, fault string, call func(args) error) rule {
	return rule{op + ": refuses " + fault, func(c collective.Communicator) error {
		room := 8 * (c.Size() + 1)
		a := args{c: c, recv: guarded[byte](room), send: block[byte](0, 0, room), counts: make([]int, c.Size(), c.Size()+1)}
		err := call(a)
		var e *collective.Error
		if !errors.As(err, &e) {
			return fmt.Errorf("gives %v, want a *collective.Error", err)
		}
		if e.Op != op || e.Rank != c.Rank() || e.Size != c.Size() {
			return fmt.Errorf("names %s on rank %d of %d", e.Op, e.Rank, e.Size)
		}
		if err := compare(a.recv, nil); err != nil {
			return err
		}
		return exchange[uint8](c, func(_, src, dst int) int { return 1 + src + dst })
	}}
}
