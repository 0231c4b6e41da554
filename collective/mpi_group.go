//go:build cgo && !nompi

package collective

// #include "mpi_comm.h"
import "C"

import (
	"encoding/binary"
	"hash/fnv"
	"slices"
	"unsafe"
)

// newMPIComm makes the Go side of g. number tells the group from all others in
// notices; members are its ranks in the world.
func newMPIComm(g *C.coll_group, number uint64, members []int, w *mpiWorld) *mpiComm {
	c := &mpiComm{c: g, rank: int(g.rank), size: int(g.size), world: w, room: make([]int, 2*len(members))}
	g.now.group = C.uint64_t(number)
	world := unsafe.Slice(g.world, len(members))
	for rank, m := range members {
		world[rank] = C.int(m)
	}
	return c
}

// Split gathers the choices of all ranks first: with a deadline, unlike
// MPI_Comm_split, and so that every rank knows the members of its group.
func (c *mpiComm) Split(color, key int) (Communicator, error) {
	at := caller{split, c.rank, c.size}
	choices := make([]int64, 2*c.size)
	two := make([]int, c.size)
	fill[int64](two, 2)
	if err := c.gather(split, bytesOf(choices), two, bytesOf([]int64{int64(color), int64(key)})); err != nil {
		return nil, err
	}
	members := membersOf(int64(color), choices)
	mine := C.int(-1)
	if color >= 0 {
		mine = C.int(slices.Min(members))
	}
	var g *C.coll_group
	place := C.int(slices.Index(members, c.rank))
	if code := c.world.within(split, func() C.int { return C.coll_split(c.c, mine, place, &g) }); code != C.MPI_SUCCESS {
		return nil, at.wrap(-1, mpiError(code))
	}
	if g == nil {
		return nil, nil
	}
	world := unsafe.Slice(c.c.world, c.size)
	for rank, m := range members {
		members[rank] = int(world[m])
	}
	child := newMPIComm(g, c.numberOf(color), members, c.world)
	child.TimeInto(c.total)
	return child, nil
}

// numberOf is the number of the group of a color, the same on all its ranks.
func (c *mpiComm) numberOf(color int) uint64 {
	h := fnv.New64a()
	for _, n := range []uint64{uint64(c.c.now.group), uint64(c.c.now.seq), uint64(color)} {
		h.Write(binary.LittleEndian.AppendUint64(nil, n))
	}
	return h.Sum64()
}

func (c *mpiComm) Free() error {
	at := caller{free, c.rank, c.size}
	if c.c == nil {
		return at.wrap(-1, ErrFreed)
	}
	g := c.c
	if c.broken == nil && g.slots != nil {
		if err := c.meet(free); err != nil {
			return err
		}
	}
	c.c = nil
	if c.broken != nil {
		return nil
	}
	if code := c.world.within(free, func() C.int { return C.coll_free(g) }); code != C.MPI_SUCCESS {
		return at.wrap(-1, mpiError(code))
	}
	return nil
}
