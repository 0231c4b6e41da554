package collective

import (
	"slices"
	"time"
)

// localWindow is one rank's view of a window of the in-process world.
type localWindow struct {
	*localMemory
	comm *localComm
}

// localMemory is what the ranks share. arrived is guarded by the world's mutex, parts by
// the meetings of the group.
type localMemory struct {
	parts   [][]byte
	arrived []uint64
}

func (c *localComm) share(bytes int) (Window, error) {
	if c.rank == 0 {
		c.group.memory = &localMemory{parts: make([][]byte, c.Size()), arrived: make([]uint64, c.Size())}
	}
	if err := c.meet(winAllocate); err != nil {
		return nil, err
	}
	w := &localWindow{c.group.memory, c}
	return w, w.Grow(bytes)
}

// meet is a barrier in the name of another operation.
func (c *localComm) meet(k kind) error {
	at := c.at(k)
	fault, err := c.enter(at, post{})
	return c.leave(at, fault, err)
}

func (w *localWindow) Part(rank int) []byte { return w.parts[rank] }

func (w *localWindow) Grow(bytes int) error {
	if err := w.comm.meet(winAllocate); err != nil { // others use the old part until they come
		return err
	}
	if bytes > len(w.parts[w.comm.rank]) || w.parts[w.comm.rank] == nil {
		w.parts[w.comm.rank] = Aligned(roundUp(bytes))
	}
	return w.comm.meet(winAllocate)
}

func (w *localWindow) Arrive() {
	world := w.comm.group.world
	world.mu.Lock()
	defer world.mu.Unlock()
	w.arrived[w.comm.rank]++
	world.moved.Broadcast()
}

func (w *localWindow) Await() error {
	c := w.comm
	at := c.at(winWait)
	if c.freed {
		return at.wrap(-1, ErrFreed)
	}
	c.seq++
	c.start()
	defer c.stop()
	if err := c.group.await(c, w.arrived); err != nil {
		return at.wrap(peerOf(err), err)
	}
	return nil
}

func (w *localWindow) Free() error { return w.comm.meet(winFree) }

// await waits until every rank has arrived as often as c's.
func (g *localGroup) await(c *localComm, arrived []uint64) error {
	w := g.world
	w.mu.Lock()
	defer w.mu.Unlock()
	if g.broken != nil {
		return brokenBy(g.broken)
	}
	wanted := arrived[c.rank]
	if slices.Min(arrived) >= wanted {
		return nil
	}
	start := c.alarm.start(w)
	defer c.alarm.stop()
	for slices.Min(arrived) < wanted && g.broken == nil {
		if gone := g.firstLeft(arrived, wanted); gone >= 0 {
			g.fail(&leftError{rank: gone})
		} else if time.Since(start) >= w.deadline {
			g.fail(lateIn(winWait, c.seq, w.deadline, arrived, wanted))
		} else {
			w.moved.Wait()
		}
	}
	if slices.Min(arrived) >= wanted {
		return nil
	}
	return g.broken
}
