package commtest

import (
	"errors"
	"fmt"

	"capmoe/collective"
)

// A communicator without nonblocking operations carries them out at once, and passes.
var nonblockingRules = []rule{
	{"ialltoallv: small blocks reach their ranks", func(c collective.Communicator) error {
		return begun(c, func(_, src, dst int) int { return (2*src + dst) % 5 })
	}},
	{"ialltoallv: large blocks", func(c collective.Communicator) error {
		return begun(c, large(func(_, src, dst int) int { return 9000 + 100*src + dst }))
	}},
	{"ialltoallv: ragged blocks", func(c collective.Communicator) error {
		counts := raggedCounts(3, c.Size())
		return begun(c, large(func(size, src, dst int) int { return 100 * counts[src*size+dst] }))
	}},
	{"ialltoallv: several groups at once", groupsUnderWay},
	{"ialltoallv: some ranks begin it, others do it at once", func(c collective.Communicator) error {
		b := newBlocks(c, 1, large(func(_, src, dst int) int { return 5000*(src%mostLarge+1) + dst }))
		if c.Rank()%2 == 0 {
			return errors.Join(collective.AllToAllV(c, b.recv, b.recvCounts, b.send, b.sendCounts), b.compare())
		}
		return errors.Join(b.begin(c), collective.Wait(c), b.compare())
	}},
	{"ialltoallv: refuses another operation before Wait", refusesSecond},
	{"wait: nothing under way", func(c collective.Communicator) error {
		if !collective.Test(c) {
			return errors.New("nothing is under way, and Test says it is not complete")
		}
		return collective.Wait(c)
	}},
}

// blocks are the buffers of an all-to-all-v of float32s; marks differ from number to number.
type blocks struct {
	send, recv, want       []float32
	sendCounts, recvCounts []int
}

func newBlocks(c collective.Communicator, number int, s shape) *blocks {
	b := &blocks{}
	size, me := c.Size(), c.Rank()
	for peer := range size {
		b.sendCounts = append(b.sendCounts, s(size, me, peer))
		b.recvCounts = append(b.recvCounts, s(size, peer, me))
		b.send = append(b.send, block[float32](me+number*size, peer, b.sendCounts[peer])...)
		b.want = append(b.want, block[float32](peer+number*size, me, b.recvCounts[peer])...)
	}
	b.recv = guarded[float32](len(b.want))
	return b
}

func (b *blocks) begin(c collective.Communicator) error {
	return collective.IAllToAllV(c, b.recv, b.recvCounts, b.send, b.sendCounts)
}

func (b *blocks) compare() error { return compare(b.recv, b.want) }

// begun exchanges the same twice, once asking for it again and again.
func begun(c collective.Communicator, s shape) error {
	for round := range 2 {
		b := newBlocks(c, round, s)
		err := b.begin(c)
		for tests := 0; round > 0 && err == nil && tests < 1000 && !collective.Test(c); tests++ {
		}
		if err := collective.Agree(c, errors.Join(err, collective.Wait(c), b.compare())); err != nil {
			return err
		}
	}
	return nil
}

// groupsUnderWay begins in three groups, uses the group that they come from, and receives from some, last first, before it ends all.
func groupsUnderWay(c collective.Communicator) error {
	var groups [3]collective.Communicator
	var all [3]*blocks
	for i := range groups {
		var err error
		if groups[i], err = c.Split(0, c.Rank()); err != nil {
			return err
		}
		all[i] = newBlocks(c, i, large(func(_, src, dst int) int { return 3000*(i+1) + 10*src + dst }))
	}
	var err error
	for round := 0; round < 3 && err == nil; round++ {
		for i, b := range all {
			clear(b.recv[:len(b.want)])
			err = errors.Join(err, b.begin(groups[i]))
		}
		err = errors.Join(err, exchange[uint8](c, func(_, src, dst int) int { return 1 + src + dst }))
		for i := len(all) - 1; i >= 0; i-- {
			if i != round {
				err = errors.Join(err, collective.Receive(groups[i]), all[i].compare())
			}
		}
		for i, b := range all {
			err = errors.Join(err, collective.Wait(groups[i]), b.compare())
		}
	}
	for _, g := range groups {
		err = errors.Join(err, g.Free())
	}
	return err
}

func refusesSecond(c collective.Communicator) error {
	if _, able := c.(collective.Nonblocking); !able {
		return nil
	}
	b := newBlocks(c, 0, func(_, src, dst int) int { return 1 + src + dst })
	if err := b.begin(c); err != nil {
		return err
	}
	var fault error
	for op, err := range map[string]error{"barrier": c.Barrier(), "alltoallv": b.begin(c)} {
		var e *collective.Error
		if !errors.As(err, &e) || e.Op != op {
			fault = errors.Join(fault, fmt.Errorf("%s while another is under way gives %v, want a *collective.Error", op, err))
		}
	}
	return errors.Join(fault, collective.Wait(c), b.compare())
}
