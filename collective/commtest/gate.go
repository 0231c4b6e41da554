package commtest

import (
	"errors"
	"sync/atomic"
	"time"

	"capmoe/collective"
)

// ErrDropped is what the operations of a dropped rank return.
var ErrDropped = errors.New("commtest: the rank takes no part any more")

// Slow is c with one rank that comes to every operation later by delay, in groups
// split from c too. The wait is not in the time that c measures (collective.Timed): it
// is that of a rank that something else has kept, not of a slow wire.
func Slow(c collective.Communicator, rank int, delay time.Duration) collective.Communicator {
	return gated(c, rank, func() error {
		time.Sleep(delay)
		return nil
	})
}

// Drop is c with one rank that takes part in afterN operations, those of groups
// split from c included, and then fails with ErrDropped without entering any.
func Drop(c collective.Communicator, rank, afterN int) collective.Communicator {
	calls := 0
	return gated(c, rank, func() error {
		if calls++; calls > afterN {
			return ErrDropped
		}
		return nil
	})
}

func gated(c collective.Communicator, rank int, enter func() error) collective.Communicator {
	if c.Rank() != rank {
		return c
	}
	return &gate{Communicator: c, enter: enter}
}

// gate lets a rank into each operation only when enter returns, with nil.
type gate struct {
	collective.Communicator
	enter func() error
}

// TimeInto measures without the wait before the gate: a rank that is late is not in an
// operation yet.
func (g *gate) TimeInto(total *atomic.Int64) bool {
	return collective.TimeInto(g.Communicator, total)
}

func (g *gate) AllToAllV(recv []byte, recvCounts []int, send []byte, sendCounts []int) error {
	if err := g.enter(); err != nil {
		return err
	}
	return g.Communicator.AllToAllV(recv, recvCounts, send, sendCounts)
}

func (g *gate) IAllToAllV(recv []byte, recvCounts []int, send []byte, sendCounts []int) error {
	if err := g.enter(); err != nil {
		return err
	}
	return collective.IAllToAllV(g.Communicator, recv, recvCounts, send, sendCounts)
}

func (g *gate) Test() bool     { return collective.Test(g.Communicator) }
func (g *gate) Receive() error { return collective.Receive(g.Communicator) }
func (g *gate) Wait() error    { return collective.Wait(g.Communicator) }

func (g *gate) AllGatherV(recv []byte, recvCounts []int, send []byte) error {
	if err := g.enter(); err != nil {
		return err
	}
	return g.Communicator.AllGatherV(recv, recvCounts, send)
}

func (g *gate) AllReduce(buf []byte, t collective.Type, op collective.Op) error {
	if err := g.enter(); err != nil {
		return err
	}
	return g.Communicator.AllReduce(buf, t, op)
}

func (g *gate) Broadcast(buf []byte, root int) error {
	if err := g.enter(); err != nil {
		return err
	}
	return g.Communicator.Broadcast(buf, root)
}

func (g *gate) Barrier() error {
	if err := g.enter(); err != nil {
		return err
	}
	return g.Communicator.Barrier()
}

func (g *gate) Split(color, key int) (collective.Communicator, error) {
	if err := g.enter(); err != nil {
		return nil, err
	}
	group, err := g.Communicator.Split(color, key)
	if group == nil || err != nil {
		return nil, err
	}
	return &gate{Communicator: group, enter: g.enter}, nil
}
