package collective

func (c *localComm) IAllToAllV(recv []byte, recvCounts []int, send []byte, sendCounts []int) error {
	at := c.at(allToAllV)
	if err := at.checkAllToAllV(recv, recvCounts, send, sendCounts); err != nil {
		return err
	}
	if !c.begun.on {
		Displacements(c.displs, sendCounts)
	}
	if err := c.come(at, post{buf: send, displs: c.displs, counts: sendCounts}); err != nil {
		return c.leave(at, nil, err)
	}
	c.stop()
	c.begun = underWay{on: true, recv: recv, recvCounts: recvCounts}
	return nil
}

func (c *localComm) scratch() []int { return c.begun.lend(c.room) }

func (c *localComm) Test() bool { return !c.begun.on || c.group.all(c.next) }

// Receive takes the blocks: until then nothing has moved.
func (c *localComm) Receive() error {
	b, at := &c.begun, c.at(allToAllV)
	if !b.on || b.received {
		return nil
	}
	b.received = true
	c.start()
	b.fault, b.err = c.join(at)
	if b.fault == nil && b.err == nil {
		b.fault = c.takeBlocks(at, b.recv, b.recvCounts)
	}
	c.stop()
	if b.err != nil {
		return at.wrap(peerOf(b.err), b.err)
	}
	return b.fault
}

func (c *localComm) Wait() error {
	if !c.begun.on {
		return nil
	}
	c.Receive() // its error is that of the end
	b := c.begun
	c.begun = underWay{}
	c.start()
	if b.err == nil {
		b.err = c.group.meet(c.rank, &c.alarm) // others may be computing before they receive
	}
	return c.end(c.at(allToAllV), b.fault, b.err)
}
