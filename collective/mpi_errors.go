//go:build cgo && !nompi

package collective

// #include "mpi_comm.h"
import "C"

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
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
	for rank := range c.size {
		if pending[rank] != 0 {
			late.Late = append(late.Late, c.lateRank(rank))
		}
	}
	c.follow(late)
	late.acquit()
	return late
}

// follow adds the ranks at the ends of the chains of waiting ranks, where all that the operation waits for wait themselves.
func (c *mpiComm) follow(late *DeadlineError) {
	here := numbered(late.Op, late.Seq)
	members := make([]int, c.size)
	for rank, m := range unsafe.Slice(c.c.world, c.size) {
		members[rank] = int(m)
	}
	var from []int
	for _, l := range late.Late {
		switch {
		case !l.Entered && l.Waits == "":
			return
		case !l.Entered || l.Waits == here:
			from = append(from, members[l.Rank])
		}
	}
	for _, end := range culprits(from, c.said(members[c.rank]), func(group uint64) []int { return c.known(group, members) }) {
		rank := slices.Index(members, end)
		switch {
		case rank < 0:
			late.Beyond = append(late.Beyond, Late{Rank: end, Host: c.world.hosts[end]})
		case !slices.ContainsFunc(late.Late, func(l Late) bool { return l.Rank == rank }):
			l := c.lateRank(rank)
			l.Waits = "" // not any more, if it says so
			late.Late = append(late.Late, l)
		}
	}
	slices.SortFunc(late.Late, func(a, b Late) int { return a.Rank - b.Rank })
}

// said reads the notices of all ranks, and adds the own one.
func (c *mpiComm) said(self int) []said {
	all := make([]said, len(c.world.hosts))
	read := func(n C.coll_notice) said {
		return said{uint64(n.group), uint64(n.seq), n.kind != C.int64_t(noKind), int(n.awaits)}
	}
	for rank, n := range unsafe.Slice(c.c.heard, len(all)) {
		all[rank] = read(n)
	}
	all[self] = read(c.c.now)
	return all
}

// known are the members of this group, or, as rank 0 of the world hears of all waits, all ranks.
func (c *mpiComm) known(group uint64, members []int) []int {
	switch {
	case group == uint64(c.c.now.group):
		return members
	case members[c.rank] == 0:
		return identity(len(c.world.hosts))
	}
	return nil
}

// lateRank reads a rank's last notice.
func (c *mpiComm) lateRank(rank int) Late {
	at := unsafe.Slice(c.c.world, c.size)[rank]
	n := unsafe.Slice(c.c.heard, len(c.world.hosts))[at]
	l := Late{Rank: rank, Host: c.world.hosts[at]}
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
