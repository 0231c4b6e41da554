//go:build cgo && !nompi

package collective

// #include "mpi_comm.h"
import "C"

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"sync/atomic"
	"time"

	mpi "github.com/sbromberger/gompi"
)

// Start joins the world of MPI: the ranks that mpirun or srun has started, or this
// process alone. It locks the calling goroutine to its thread. All ranks call it
// once, before anything else of this package.
func Start(opts Options) (*World, error) {
	if mpi.IsOn() {
		return nil, fmt.Errorf("collective: start: MPI is started already, a process starts it once")
	}
	runtime.LockOSThread()
	w := &mpiWorld{opts: opts}
	w.within(initialize, func() C.int { mpi.Start(true); return C.MPI_SUCCESS })
	if err := w.open(mpi.WorldSize()); err != nil {
		return nil, err
	}
	return &World{comm: w.comm, hosts: w.hosts, abort: w.abort, close: w.close}, nil
}

// mpiWorld is what all groups of an MPI world share.
type mpiWorld struct {
	opts   Options
	comm   *mpiComm
	hosts  []string // by world rank
	broken atomic.Pointer[error]
}

// within calls MPI where that waits for other ranks by itself, which it does without a deadline.
func (w *mpiWorld) within(k kind, call func() C.int) C.int {
	deadline := w.opts.ownDeadline(k)
	late := time.AfterFunc(deadline, func() { w.opts.stuck(&StuckError{Op: k.String(), After: deadline}) })
	defer late.Stop()
	return call()
}

func (w *mpiWorld) open(size int) error {
	opts := w.opts
	at := caller{size: size, rank: mpi.WorldRank()}
	var roll *C.coll_roll
	var g *C.coll_group
	if code := w.within(initialize, func() C.int { return C.coll_world(&roll, &g) }); code != C.MPI_SUCCESS {
		return fmt.Errorf("collective: start: %w (rank %d of %d)", mpiError(code), at.rank, at.size)
	}
	deadline := opts.deadline()
	g.deadline = C.int64_t(deadline)
	g.patience = C.int64_t(min(time.Second, deadline/4))
	g.chunk = C.intptr_t(opts.messageSize())
	if opts.Backoff {
		g.backoff = 1
	}
	if opts.apart {
		g.apart = 1
	}
	if code := w.within(winAllocate, func() C.int { return C.coll_slots_new(g) }); code != C.MPI_SUCCESS {
		return fmt.Errorf("collective: start: %w (rank %d of %d)", mpiError(code), at.rank, at.size)
	}
	w.hosts = make([]string, size)
	w.comm = newMPIComm(g, 1, identity(size), w)
	return w.gatherHosts()
}

// gatherHosts fills hosts with the names that the ranks give their hosts.
func (w *mpiWorld) gatherHosts() error {
	const longest = 64 // HOST_NAME_MAX of Linux
	name, err := os.Hostname()
	if err != nil {
		name = "unknown"
	}
	mine := make([]byte, longest)
	copy(mine, name)
	names := make([]byte, longest*w.comm.size)
	if err := AllGather(w.comm, names, mine); err != nil {
		return err
	}
	for rank := range w.hosts {
		w.hosts[rank] = string(bytes.TrimRight(names[rank*longest:][:longest], "\x00"))
	}
	return nil
}

func (w *mpiWorld) abort(code int) { C.coll_abort(C.int(code)) }

func (w *mpiWorld) close() error {
	if err := w.broken.Load(); err != nil {
		return fmt.Errorf("collective: close: %w; only Abort ends it", brokenBy(*err))
	}
	if w.comm.c != nil {
		if err := w.comm.Free(); err != nil {
			return err
		}
	}
	w.within(finalize, func() C.int { mpi.Stop(); return C.MPI_SUCCESS })
	return nil
}
