//go:build cgo && !nompi

package collective

/*
#cgo pkg-config: ompi
#cgo CFLAGS: -O2 -Wall
#cgo noescape coll_alltoallv
#cgo nocallback coll_alltoallv
#cgo noescape coll_allgatherv
#cgo nocallback coll_allgatherv
#cgo noescape coll_allreduce
#cgo nocallback coll_allreduce
#cgo noescape coll_bcast
#cgo nocallback coll_bcast
#cgo noescape coll_barrier
#cgo nocallback coll_barrier
#include "mpi_comm.h"
*/
import "C"

import (
	"runtime"
	"unsafe"
)

// mpiComm is a group of an MPI world. Each operation is one call into C, which
// returns when MPI needs the buffers no more.
type mpiComm struct {
	stopwatch
	c       *C.coll_group
	rank    int
	size    int
	world   *mpiWorld
	room    []int     // [2·Size]
	yielded C.int64_t // when it last let other goroutines run
	broken  error     // why the group can go on no more
	begun   underWay
	pins    runtime.Pinner // of its buffers
}

func (c *mpiComm) Rank() int { return c.rank }
func (c *mpiComm) Size() int { return c.size }

func (c *mpiComm) AllToAllV(recv []byte, recvCounts []int, send []byte, sendCounts []int) error {
	at := caller{allToAllV, c.rank, c.size}
	if err := at.checkAllToAllV(recv, recvCounts, send, sendCounts); err != nil {
		return err
	}
	if err := c.enter(at); err != nil {
		return err
	}
	rc := C.coll_alltoallv(c.c, pointer(recv), counts(recvCounts), pointer(send), counts(sendCounts))
	return c.leave(at, rc, recv, send)
}

func (c *mpiComm) AllGatherV(recv []byte, recvCounts []int, send []byte) error {
	return c.gather(allGatherV, recv, recvCounts, send)
}

func (c *mpiComm) gather(k kind, recv []byte, recvCounts []int, send []byte) error {
	at := caller{k, c.rank, c.size}
	if err := at.checkAllGatherV(recv, recvCounts, send); err != nil {
		return err
	}
	if err := c.enter(at); err != nil {
		return err
	}
	return c.leave(at, C.coll_allgatherv(c.c, pointer(recv), counts(recvCounts), pointer(send)), recv, send)
}

func (c *mpiComm) AllReduce(buf []byte, t Type, op Op) error {
	at := caller{allReduce, c.rank, c.size}
	if err := at.checkAllReduce(len(buf), t, op); err != nil {
		return err
	}
	if err := c.enter(at); err != nil {
		return err
	}
	n := C.intptr_t(len(buf) / t.Size())
	return c.leave(at, C.coll_allreduce(c.c, pointer(buf), n, C.int(t), C.int(op)), buf, nil)
}

func (c *mpiComm) Broadcast(buf []byte, root int) error {
	at := caller{broadcast, c.rank, c.size}
	if err := at.checkBroadcast(root); err != nil {
		return err
	}
	if err := c.enter(at); err != nil {
		return err
	}
	return c.leave(at, C.coll_bcast(c.c, pointer(buf), C.intptr_t(len(buf)), C.int(root)), buf, nil)
}

func (c *mpiComm) Barrier() error {
	at := caller{barrier, c.rank, c.size}
	if err := c.enter(at); err != nil {
		return err
	}
	return c.leave(at, C.coll_barrier(c.c), nil, nil)
}

// enter numbers the operation; the ranks of a group count alike.
func (c *mpiComm) enter(at caller) error {
	switch {
	case c.c == nil:
		return at.wrap(-1, ErrFreed)
	case c.broken != nil:
		return at.wrap(-1, brokenBy(c.broken))
	case c.begun.on:
		return at.wrap(-1, errUnderWay)
	}
	c.start()
	c.c.now.seq++
	c.c.now.kind = C.int64_t(at.kind)
	return nil
}

// yieldPeriod, in ns, is less than the 10 ms after which Go's monitor takes a thread's
// processor away in the middle of a call into C, and then wakes every 20 µs for as long as
// such calls go on: a third of the time of a series of short calls.
const yieldPeriod = 4e6

// leave turns the result of a call into C into an error.
func (c *mpiComm) leave(at caller, rc C.int, recv, send []byte) error {
	c.stop()
	if c.c.clock-c.yielded >= yieldPeriod {
		c.yielded = c.c.clock
		runtime.Gosched()
	}
	switch rc {
	case C.COLL_DONE:
		return nil
	case C.COLL_SIZE:
		return sizeFault(at, int(c.c.peer), int(c.c.got), int(c.c.want))
	}
	keep(recv, send)
	c.broken = c.reason(at.kind, rc)
	c.world.broken.Store(&c.broken)
	return at.wrap(-1, c.broken)
}

func pointer(b []byte) *C.char { return (*C.char)(unsafe.Pointer(unsafe.SliceData(b))) }

// counts is the same memory to C: intptr_t is Go's int.
func counts(n []int) *C.intptr_t { return (*C.intptr_t)(unsafe.Pointer(unsafe.SliceData(n))) }
