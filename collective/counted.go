package collective

import "sync/atomic"

// Traffic counts what one rank hands to a communicator.
type Traffic struct {
	Calls    int
	Messages int   // blocks to other ranks that hold something; a reduction or broadcast counts one
	Bytes    int64 // sent to other ranks; a reduction or broadcast counts its vector once
}

// Counted returns c with its traffic counted into t. Groups split from it are not counted.
func Counted(c Communicator, t *Traffic) Communicator { return &counted{c, t} }

type counted struct {
	Communicator
	traffic *Traffic
}

func (c *counted) add(messages, bytes int) {
	c.traffic.Calls++
	if c.Size() > 1 && bytes > 0 {
		c.traffic.Messages += messages
		c.traffic.Bytes += int64(bytes)
	}
}

func (c *counted) AllToAllV(recv []byte, recvCounts []int, send []byte, sendCounts []int) error {
	c.addBlocks(sendCounts)
	return c.Communicator.AllToAllV(recv, recvCounts, send, sendCounts)
}

func (c *counted) IAllToAllV(recv []byte, recvCounts []int, send []byte, sendCounts []int) error {
	c.addBlocks(sendCounts)
	return IAllToAllV(c.Communicator, recv, recvCounts, send, sendCounts)
}

func (c *counted) Test() bool     { return Test(c.Communicator) }
func (c *counted) Receive() error { return Receive(c.Communicator) }
func (c *counted) Wait() error    { return Wait(c.Communicator) }

func (c *counted) addBlocks(sendCounts []int) {
	messages, bytes := 0, 0
	for r, n := range sendCounts {
		if r != c.Rank() && n > 0 {
			messages, bytes = messages+1, bytes+n
		}
	}
	c.add(messages, bytes)
}

func (c *counted) AllGatherV(recv []byte, recvCounts []int, send []byte) error {
	c.add(c.Size()-1, len(send)*(c.Size()-1))
	return c.Communicator.AllGatherV(recv, recvCounts, send)
}

func (c *counted) AllReduce(buf []byte, t Type, op Op) error {
	c.add(1, len(buf))
	return c.Communicator.AllReduce(buf, t, op)
}

func (c *counted) Broadcast(buf []byte, root int) error {
	c.add(1, len(buf))
	return c.Communicator.Broadcast(buf, root)
}

func (c *counted) Barrier() error {
	c.add(0, 0)
	return c.Communicator.Barrier()
}

func (c *counted) scratch() []int {
	if s, ok := c.Communicator.(scratcher); ok {
		return s.scratch()
	}
	return nil
}

func (c *counted) TimeInto(total *atomic.Int64) bool { return TimeInto(c.Communicator, total) }

func (c *counted) refuse(k kind, err error) error { return refuse(c.Communicator, k, err) }
