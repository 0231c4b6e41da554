//go:build cgo && !nompi

package collective

/*
#cgo noescape coll_begin_alltoallv
#cgo nocallback coll_begin_alltoallv
#cgo noescape coll_receive
#cgo nocallback coll_receive
#cgo noescape coll_complete
#cgo nocallback coll_complete
#cgo noescape coll_test
#cgo nocallback coll_test
#include "mpi_comm.h"
*/
import "C"

import "unsafe"

func (c *mpiComm) IAllToAllV(recv []byte, recvCounts []int, send []byte, sendCounts []int) error {
	at := c.begunAt()
	if err := at.checkAllToAllV(recv, recvCounts, send, sendCounts); err != nil {
		return err
	}
	if err := c.enter(at); err != nil {
		return err
	}
	for _, b := range [][]byte{recv, send} {
		if len(b) > 0 {
			c.pins.Pin(unsafe.SliceData(b))
		}
	}
	c.begun = underWay{on: true, recv: recv, send: send, recvCounts: recvCounts}
	rc := C.coll_begin_alltoallv(c.c, pointer(recv), counts(recvCounts), pointer(send), counts(sendCounts))
	if rc != C.COLL_DONE {
		err := c.leave(at, rc, recv, send)
		c.drop()
		return err
	}
	c.stop()
	return nil
}

func (c *mpiComm) scratch() []int { return c.begun.lend(c.room) }

func (c *mpiComm) Test() bool { return !c.begun.on || C.coll_test(c.c) != 0 }

func (c *mpiComm) Receive() error {
	b := &c.begun
	if !b.on || b.received || c.broken != nil {
		return nil
	}
	b.received = true
	c.start()
	return c.leave(c.begunAt(), C.coll_receive(c.c, pointer(b.recv), counts(b.recvCounts)), b.recv, b.send)
}

func (c *mpiComm) Wait() error {
	if !c.begun.on {
		return nil
	}
	err := c.Receive()
	defer c.drop()
	if err != nil && c.broken != nil {
		return err
	}
	if c.broken != nil {
		return c.begunAt().wrap(-1, brokenBy(c.broken))
	}
	c.start()
	if fault := c.leave(c.begunAt(), C.coll_complete(c.c), c.begun.recv, c.begun.send); fault != nil {
		return fault
	}
	return err
}

func (c *mpiComm) begunAt() caller { return caller{allToAllV, c.rank, c.size} }

// drop lets the buffers of what was under way go.
func (c *mpiComm) drop() {
	c.begun = underWay{}
	c.pins.Unpin()
}
