package collective

import (
	"errors"
	"fmt"
	"unsafe"
)

// Window is memory that the ranks of a group share, a part of it for each of them. Every
// rank reads and writes every part directly; who may do so when is the callers' agreement,
// for which they meet:
//
//	write, Arrive ─ … ─ Await ─ read what others wrote before they arrived
//
// A Window is used by one goroutine at a time, which may use its group too. Every rank makes
// the same calls in the same order.
type Window interface {
	// Part is the memory of a rank. It begins at a multiple of 64 bytes and may hold anything at first.
	Part(rank int) []byte
	// Arrive tells the others that this rank has done what it does before its next Await.
	Arrive()
	// Await returns once every rank has arrived as often as this one. What they wrote before
	// that can be read then. It has the deadline and the errors of an operation of the group.
	Await() error
	// Grow gives every rank a new part of at least so many bytes; the old parts are gone. If it cannot be had, all ranks get an error that wraps ErrNotShared, and the parts
	// stay as they are. Every rank has come when it returns.
	Grow(bytes int) error
	// Free gives the memory back. All ranks call it, after their last use of any part and
	// before the group is freed.
	Free() error
}

// ErrNotShared says that there is no memory that all ranks of a group share: they are on
// several nodes, the node has too little of it, or the Communicator offers none.
var ErrNotShared = errors.New("the ranks share no memory")

// sharer is a Communicator whose ranks may share memory.
type sharer interface {
	share(bytes int) (Window, error)
}

// Share makes a window with parts of at least so many bytes, the same number on every rank.
// If that cannot be, all ranks get an error that wraps ErrNotShared, and go on without.
func Share(c Communicator, bytes int) (Window, error) {
	at := caller{winAllocate, c.Rank(), c.Size()}
	s, able := c.(sharer)
	told := []int64{1, int64(bytes), -int64(bytes)}
	if !able {
		told[0] = 0
	}
	if err := AllReduce(c, Min, told); err != nil {
		return nil, err
	}
	switch least, most := told[1], -told[2]; {
	case least != most:
		return nil, at.errorf(-1, "ranks ask for %d to %d bytes", least, most)
	case least < 0:
		return nil, at.errorf(-1, "a window of %d bytes", least)
	case told[0] == 0:
		return nil, at.wrap(-1, fmt.Errorf("%w: a rank's communicator offers none", ErrNotShared))
	}
	return s.share(bytes)
}

// cacheLine is what parts and counters are aligned to, so that ranks which write to
// different ones do not slow each other down.
const cacheLine = 64

// roundUp is the least multiple of a cache line that holds n bytes.
func roundUp(n int) int { return (n + cacheLine - 1) / cacheLine * cacheLine }

// PartOf is the memory of a rank's part as values of a type, as many as fit.
func PartOf[T Elem](w Window, rank int) []T {
	b := w.Part(rank)
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/sizeOf[T]())
}

// Aligned is memory of n bytes for one rank alone, laid out as a part of a window.
func Aligned(n int) []byte {
	buf := make([]byte, n+cacheLine)
	skip := -int(uintptr(unsafe.Pointer(unsafe.SliceData(buf)))) & (cacheLine - 1)
	return buf[skip : skip+n : skip+n]
}
