//go:build cgo && !nompi

package collective

/*
#cgo noescape coll_window_await
#cgo nocallback coll_window_await
#include "mpi_comm.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"sync/atomic"
	"unsafe"
)

// mpiWindow is a window of an MPI world.
type mpiWindow struct {
	comm    *mpiComm
	c       *C.coll_window
	flags   []*atomic.Uint64 // by rank: the counters in the window
	arrived uint64           // this rank's
	parts   [][]byte
}

func (c *mpiComm) share(bytes int) (Window, error) {
	if err := c.meet(winAllocate); err != nil {
		return nil, err
	}
	w := &mpiWindow{comm: c}
	if code := c.world.within(winAllocate, func() C.int { return C.coll_window_new(c.c, &w.c) }); code != C.MPI_SUCCESS {
		return nil, c.unshared(code)
	}
	for _, flag := range unsafe.Slice(w.c.flags, c.size) {
		w.flags = append(w.flags, (*atomic.Uint64)(unsafe.Pointer(flag)))
	}
	if err := w.Grow(bytes); err != nil {
		return nil, errors.Join(err, w.Free())
	}
	return w, nil
}

// meet is a barrier in the name of an operation that MPI has no deadline for: all ranks are
// there when it returns.
func (c *mpiComm) meet(k kind) error {
	at := caller{k, c.rank, c.size}
	if err := c.enter(at); err != nil {
		return err
	}
	return c.leave(at, C.coll_barrier(c.c), nil, nil)
}

// unshared is the error of all ranks where there is no memory to share.
func (c *mpiComm) unshared(code C.int) error {
	at := caller{winAllocate, c.rank, c.size}
	return at.wrap(-1, fmt.Errorf("%w: %v", ErrNotShared, mpiError(code)))
}

func (w *mpiWindow) Part(rank int) []byte { return w.parts[rank] }

func (w *mpiWindow) Grow(bytes int) error {
	if err := w.comm.meet(winAllocate); err != nil {
		return err
	}
	bytes = max(cacheLine, roundUp(bytes))
	if bytes <= int(w.c.bytes) {
		return nil
	}
	if code := w.comm.world.within(winAllocate, func() C.int { return C.coll_window_grow(w.c, C.intptr_t(bytes)) }); code != C.MPI_SUCCESS {
		return w.comm.unshared(code)
	}
	w.parts = w.parts[:0]
	for _, part := range unsafe.Slice(w.c.parts, w.comm.size) {
		w.parts = append(w.parts, unsafe.Slice((*byte)(unsafe.Pointer(part)), bytes))
	}
	return nil
}

func (w *mpiWindow) Arrive() {
	w.arrived++
	w.flags[w.comm.rank].Store(w.arrived)
}

func (w *mpiWindow) Await() error {
	at := caller{winWait, w.comm.rank, w.comm.size}
	if err := w.comm.enter(at); err != nil {
		return err
	}
	if w.allArrived() {
		return nil
	}
	return w.comm.leave(at, C.coll_window_await(w.c, C.uint64_t(w.arrived)), nil, nil)
}

func (w *mpiWindow) allArrived() bool {
	for _, flag := range w.flags {
		if flag.Load() < w.arrived {
			return false
		}
	}
	return true
}

func (w *mpiWindow) Free() error {
	if err := w.comm.meet(winFree); err != nil {
		return err
	}
	if code := w.comm.world.within(winFree, func() C.int { return C.coll_window_free(w.c) }); code != C.MPI_SUCCESS {
		return caller{winFree, w.comm.rank, w.comm.size}.wrap(-1, mpiError(code))
	}
	return nil
}
