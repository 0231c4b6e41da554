//go:build cgo && !nompi

package collective

// #include "mpi_comm.h"
import "C"

import (
	"errors"
	"fmt"
	"runtime"
	"time"
	"unsafe"
)

// mpiError is the text of an MPI error code.
func mpiError(code C.int) error {
	var text [C.MPI_MAX_ERROR_STRING]C.char
	var n C.int
	C.MPI_Error_string(code, &text[0], &n)
	return errors.New(C.GoStringN(&text[0], n))
}

// reason turns the result of a call that broke the group into an error.
func (c *mpiComm) reason(k kind, rc C.int) error {
	switch rc {
	case C.COLL_LATE:
		return c.lateError(k)
	case C.COLL_MPI:
		return mpiError(c.c.code)
	default:
		return fmt.Errorf("no memory for the messages of %d ranks", c.size)
	}
}

// lateError draws up whom the operation waits for and what they have said.
func (c *mpiComm) lateError(k kind) *DeadlineError {
	late := &DeadlineError{Op: k.String(), Seq: uint64(c.c.now.seq), After: time.Duration(c.c.deadline)}
	pending := unsafe.Slice(c.c.pending, c.size)
	heard := unsafe.Slice(c.c.heard, c.size)
	members := unsafe.Slice(c.c.world, c.size)
	for rank := range c.size {
		if pending[rank] != 0 {
			l := c.lateRank(heard[rank])
			l.Rank, l.Host = rank, c.world.hosts[members[rank]]
			late.Late = append(late.Late, l)
		}
	}
	late.acquit()
	return late
}

// lateRank reads a rank's last notice.
func (c *mpiComm) lateRank(n C.coll_notice) Late {
	var l Late
	if n.kind != C.int64_t(noKind) {
		l.Waits = numbered(kind(n.kind).String(), uint64(n.seq))
	}
	now := c.c.now
	switch {
	case n.group != now.group && l.Waits != "":
		l.Waits += " of another group"
	case n.group == now.group && n.seq == now.seq:
		l.Entered = n.kind == now.kind || n.kind == C.int64_t(noKind)
	case n.group == now.group:
		l.Entered = n.seq > now.seq
	}
	return l
}

// keep holds the buffers of a failed operation where they are until the process
// ends: MPI may still read and write them.
func keep(bufs ...[]byte) {
	var pinner runtime.Pinner
	for _, b := range bufs {
		if len(b) > 0 {
			pinner.Pin(unsafe.SliceData(b))
		}
	}
	never := make(chan struct{})
	go func() {
		<-never
		pinner.Unpin()
	}()
}
