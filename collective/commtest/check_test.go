package commtest_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"capmoe/collective"
	"capmoe/collective/commtest"
)

// good is a Communicator that the types below spoil in one respect each.
type good = collective.Communicator

type misplaces struct{ good }

func (c misplaces) AllToAllV(recv []byte, recvCounts []int, send []byte, sendCounts []int) error {
	err := c.good.AllToAllV(recv, recvCounts, send, sendCounts)
	n := recvCounts[0]
	if err == nil && len(recvCounts) > 1 && n > 0 && n == recvCounts[1] {
		for i := range n {
			recv[i], recv[n+i] = recv[n+i], recv[i]
		}
	}
	return err
}

// overruns writes past what is received where that is nothing.
type overruns struct{ good }

func (c overruns) AllToAllV(recv []byte, recvCounts []int, send []byte, sendCounts []int) error {
	err := c.good.AllToAllV(recv, recvCounts, send, sendCounts)
	if err == nil && slices.Max(recvCounts) == 0 {
		recv[len(recv)-1] = 0
	}
	return err
}

// usesSend spoils the buffers of ranks that send a number of blocks of 7 bytes.
type usesSend struct{ good }

func (c usesSend) AllToAllV(recv []byte, recvCounts []int, send []byte, sendCounts []int) error {
	err := c.good.AllToAllV(recv, recvCounts, send, sendCounts)
	if err == nil && slices.Max(sendCounts) == 7 {
		send[0]++
	}
	return err
}

type forgetsItself struct{ good }

func (c forgetsItself) AllToAllV(recv []byte, recvCounts []int, send []byte, sendCounts []int) error {
	me := c.Rank()
	if n := sendCounts[me]; n == len(send) && n > 0 {
		sendCounts, recvCounts = slices.Clone(sendCounts), slices.Clone(recvCounts)
		sendCounts[me], recvCounts[me] = 0, 0
	}
	return c.good.AllToAllV(recv, recvCounts, send, sendCounts)
}

type skipsLast struct{ good }

func (c skipsLast) AllGatherV(recv []byte, recvCounts []int, send []byte) error {
	before := slices.Clone(recv)
	err := c.good.AllGatherV(recv, recvCounts, send)
	if n := len(recvCounts); err == nil && n > 1 {
		at := 0
		for _, k := range recvCounts[:n-1] {
			at += k
		}
		copy(recv[at:], before[at:])
	}
	return err
}

type fromRankZero struct{ good }

func (c fromRankZero) Broadcast(buf []byte, root int) error {
	if root > 0 && root < c.Size() && len(buf) > 8 { // short ones are Agree's
		root = 0
	}
	return c.good.Broadcast(buf, root)
}

type unsignedMin struct{ good }

func (c unsignedMin) AllReduce(buf []byte, t collective.Type, op collective.Op) error {
	if t == collective.Float32 && op == collective.Min {
		t = collective.Uint32
	}
	return c.good.AllReduce(buf, t, op)
}

type maxIsSum struct{ good }

func (c maxIsSum) AllReduce(buf []byte, t collective.Type, op collective.Op) error {
	if op == collective.Max && t == collective.Float64 {
		op = collective.Sum
	}
	return c.good.AllReduce(buf, t, op)
}

type ignoresKeys struct{ good }

func (c ignoresKeys) Split(color, _ int) (collective.Communicator, error) {
	return c.good.Split(color, 0)
}

type ignoresColors struct{ good }

func (c ignoresColors) Split(_, key int) (collective.Communicator, error) {
	return c.good.Split(0, key)
}

type joinsAll struct{ good }

func (c joinsAll) Split(color, key int) (collective.Communicator, error) {
	return c.good.Split(max(color, 0), key)
}

type neverFreed struct{ good }

func (c neverFreed) Split(color, key int) (collective.Communicator, error) {
	group, err := c.good.Split(color, key)
	if group == nil || err != nil {
		return nil, err
	}
	return immortal{group}, nil
}

type immortal struct{ good }

func (immortal) Free() error { return nil }

type anyRoot struct{ good }

func (c anyRoot) Broadcast(buf []byte, root int) error {
	return c.good.Broadcast(buf, min(max(root, 0), c.Size()-1))
}

type plainErrors struct{ good }

func (c plainErrors) AllReduce(buf []byte, t collective.Type, op collective.Op) error {
	if err := c.good.AllReduce(buf, t, op); err != nil {
		return errors.New("no")
	}
	return nil
}

func TestCheckFindsWhatIsBroken(t *testing.T) {
	for fault, test := range map[string]struct {
		rule  string
		spoil func(c good) good
	}{
		"writes past what is received":     {"alltoallv: nothing at all to send", func(c good) good { return overruns{c} }},
		"writes into the send buffer":      {"alltoallv: idle ranks take part", func(c good) good { return usesSend{c} }},
		"exchanges two blocks":             {"alltoallv: all to the last rank", func(c good) good { return misplaces{c} }},
		"leaves the own block out":         {"alltoallv: all to the last rank", func(c good) good { return forgetsItself{c} }},
		"leaves the last block out":        {"allgatherv: blocks of different lengths", func(c good) good { return skipsLast{c} }},
		"broadcasts from rank 0 only":      {"bcast: from every root", func(c good) good { return fromRankZero{c} }},
		"compares floats as unsigned":      {"allreduce: negative floats keep their sign", func(c good) good { return unsignedMin{c} }},
		"takes one operation for another":  {"allreduce: float64", func(c good) good { return maxIsSum{c} }},
		"splits without looking at keys":   {"split: reversed keys reverse the ranks", func(c good) good { return ignoresKeys{c} }},
		"splits without looking at colors": {"split: by parity", func(c good) good { return ignoresColors{c} }},
		"takes negative colors for colors": {"split: a negative color joins nothing", func(c good) good { return joinsAll{c} }},
		"goes on after Free":               {"split: by parity", func(c good) good { return neverFreed{c} }},
		"takes any root":                   {"bcast: refuses a negative root", func(c good) good { return anyRoot{c} }},
		"gives errors of no type":          {"allreduce: refuses part of an element", func(c good) good { return plainErrors{c} }},
	} {
		t.Run(fault, func(t *testing.T) {
			err := collective.Run(4, collective.Options{Deadline: 10 * time.Second}, func(c collective.Communicator) error {
				err := commtest.Check(test.spoil(c))
				var e *collective.RankError
				if !errors.As(err, &e) || !strings.HasPrefix(e.Text, "commtest: "+test.rule+":") {
					return fmt.Errorf("Check says %v, want %q broken", err, test.rule)
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
}
