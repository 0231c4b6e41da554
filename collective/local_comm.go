package collective

import "errors"

// localComm is one rank of a localGroup.
type localComm struct {
	stopwatch
	group  *localGroup
	rank   int
	seq    uint64
	displs []int // [Size]
	room   []int // [2·Size]
	alarm  alarm
	freed  bool
	begun  underWay
	next   uint64 // the meeting that it has come to
}

func newLocalComm(g *localGroup, rank int) *localComm {
	size := len(g.members)
	return &localComm{group: g, rank: rank, displs: make([]int, size), room: make([]int, 2*size)}
}

func (c *localComm) Rank() int { return c.rank }
func (c *localComm) Size() int { return len(c.group.members) }

func (c *localComm) AllToAllV(recv []byte, recvCounts []int, send []byte, sendCounts []int) error {
	if err := c.IAllToAllV(recv, recvCounts, send, sendCounts); err != nil {
		return err
	}
	return c.Wait()
}

func (c *localComm) AllGatherV(recv []byte, recvCounts []int, send []byte) error {
	at := c.at(allGatherV)
	if err := at.checkAllGatherV(recv, recvCounts, send); err != nil {
		return err
	}
	fault, err := c.enter(at, post{buf: send})
	if fault == nil && err == nil {
		fault = c.takeAll(at, recv, recvCounts)
	}
	return c.leave(at, fault, err)
}

func (c *localComm) AllReduce(buf []byte, t Type, op Op) error {
	at := c.at(allReduce)
	if err := at.checkAllReduce(len(buf), t, op); err != nil {
		return err
	}
	fault, err := c.enter(at, post{buf: buf, t: t, op: op})
	if fault == nil && err == nil {
		fault = c.reducePart(at)
	}
	return c.leave(at, fault, err)
}

func (c *localComm) Broadcast(buf []byte, root int) error {
	at := c.at(broadcast)
	if err := at.checkBroadcast(root); err != nil {
		return err
	}
	fault, err := c.enter(at, post{buf: buf, root: root})
	if fault == nil && err == nil {
		fault = c.takeRoot(at, buf, root)
	}
	return c.leave(at, fault, err)
}

func (c *localComm) Barrier() error {
	at := c.at(barrier)
	fault, err := c.enter(at, post{})
	return c.leave(at, fault, err)
}

func (c *localComm) Split(color, key int) (Communicator, error) {
	at := c.at(split)
	fault, err := c.enter(at, post{choice: [2]int{color, key}})
	if fault == nil && err == nil && c.rank == 0 {
		c.group.divide()
	}
	if err := c.leave(at, fault, err); err != nil {
		return nil, err
	}
	child := c.group.children[c.rank]
	if child == nil {
		return nil, nil
	}
	own := newLocalComm(child, child.rankOf(c.group.members[c.rank]))
	own.TimeInto(c.total)
	return own, nil
}

func (c *localComm) Free() error {
	if c.freed {
		return c.at(free).wrap(-1, ErrFreed)
	}
	c.freed = true
	return nil
}

func (c *localComm) at(k kind) caller { return caller{k, c.rank, c.Size()} }

// enter publishes p and meets the others. fault is a disagreement that all ranks
// see alike, so that they can all leave together; err means that there was no
// meeting.
func (c *localComm) enter(at caller, p post) (fault, err error) {
	if err := c.come(at, p); err != nil {
		return nil, err
	}
	return c.join(at)
}

// come is enter without the wait for the others, which is join.
func (c *localComm) come(at caller, p post) (err error) {
	c.start()
	switch {
	case c.freed:
		return ErrFreed
	case c.begun.on:
		return errUnderWay
	}
	c.seq++
	p.kind, p.seq = at.kind, c.seq
	c.group.publish(c.rank, p)
	c.next, err = c.group.come(c.rank)
	return err
}

func (c *localComm) join(at caller) (fault, err error) {
	if err := c.group.join(c.rank, c.next, &c.alarm); err != nil {
		return nil, err
	}
	for rank, p := range c.group.posts {
		if first := c.group.posts[0].kind; p.kind != first {
			return at.errorf(rank, "rank %d calls %v, rank 0 calls %v", rank, p.kind, first), nil
		}
	}
	return nil, nil
}

// leave ends an operation: buffers are the callers' again once all ranks are here.
func (c *localComm) leave(at caller, fault, err error) error {
	if err == nil {
		err = c.group.meet(c.rank, nil)
	}
	return c.end(at, fault, err)
}

func (c *localComm) end(at caller, fault, err error) error {
	c.stop()
	if err == nil {
		return fault
	}
	return at.wrap(peerOf(err), err)
}

// peerOf is the rank that has left, if that is the reason, or -1.
func peerOf(err error) int {
	if left, ok := errors.AsType[*leftError](err); ok {
		return left.rank
	}
	return -1
}
