package collective

import (
	"slices"
	"time"
)

// localGroup is where the ranks of one group meet. An operation has two meetings:
// after the first all posts can be read, after the second all moves are done.
// Fields are guarded by world.mu; posts and children only while they are written,
// for the meetings order their readers.
type localGroup struct {
	world    *localWorld
	members  []int    // world ranks, by rank
	met      []uint64 // meetings that each rank has come to
	last     uint64   // the last meeting that all have come to
	broken   error    // why no meeting will be complete again
	posts    []post
	children []*localGroup // by rank, of the last split
	memory   *localMemory  // of the last window
}

// post is what a rank brings to an operation, for the others to read.
type post struct {
	kind   kind
	seq    uint64
	buf    []byte // what it sends, or the vector it reduces
	displs []int  // alltoallv: where the block of each rank begins in buf
	counts []int  // alltoallv: and how long it is
	t      Type
	op     Op
	root   int
	choice [2]int // split: color, key
}

func newLocalGroup(w *localWorld, members []int) *localGroup {
	size := len(members)
	return &localGroup{world: w, members: members, met: make([]uint64, size), posts: make([]post, size)}
}

// publish makes p readable by the other ranks after the next meeting, if there
// will be one.
func (g *localGroup) publish(rank int, p post) {
	g.world.mu.Lock()
	defer g.world.mu.Unlock()
	if g.broken == nil {
		g.posts[rank] = p
	}
}

// meet returns once every rank has come to as many meetings as this one. With a
// timer it gives up after the world's deadline; without, it waits for ranks that
// are only copying.
func (g *localGroup) meet(rank int, timer *alarm) error {
	meeting, err := g.come(rank)
	if err != nil {
		return err
	}
	return g.join(rank, meeting, timer)
}

// come counts a rank to the next meeting, and says which that is.
func (g *localGroup) come(rank int) (meeting uint64, err error) {
	g.world.mu.Lock()
	defer g.world.mu.Unlock()
	if g.broken != nil {
		return 0, brokenBy(g.broken)
	}
	g.met[rank]++
	meeting = g.met[rank]
	if slices.Min(g.met) == meeting {
		g.last = meeting
		g.world.moved.Broadcast()
	}
	return meeting, nil
}

// join waits until all have come to a meeting.
func (g *localGroup) join(rank int, meeting uint64, timer *alarm) error {
	w := g.world
	w.mu.Lock()
	defer w.mu.Unlock()
	if g.last >= meeting {
		return nil
	}
	start := timer.start(w)
	defer timer.stop()
	for g.last < meeting && g.broken == nil {
		if gone := g.firstLeft(g.met, meeting); gone >= 0 {
			g.fail(&leftError{rank: gone})
		} else if timer != nil && time.Since(start) >= w.deadline {
			g.fail(g.late(rank, meeting))
		} else {
			w.moved.Wait()
		}
	}
	if g.last >= meeting {
		return nil
	}
	return g.broken
}

// all tells whether all have come to a meeting, or never will.
func (g *localGroup) all(meeting uint64) bool {
	g.world.mu.Lock()
	defer g.world.mu.Unlock()
	return g.last >= meeting || g.broken != nil
}

func (g *localGroup) fail(err error) {
	g.broken = err
	g.world.moved.Broadcast()
}

// firstLeft is the lowest rank that has left before it came so many times, or -1.
func (g *localGroup) firstLeft(came []uint64, times uint64) int {
	for rank, n := range came {
		if n < times && g.world.left[g.members[rank]] {
			return rank
		}
	}
	return -1
}

func (g *localGroup) late(rank int, meeting uint64) *DeadlineError {
	p := g.posts[rank]
	return lateIn(p.kind, p.seq, g.world.deadline, g.met, meeting)
}

// lateIn blames those who have not come so many times.
func lateIn(k kind, seq uint64, deadline time.Duration, came []uint64, times uint64) *DeadlineError {
	late := &DeadlineError{Op: k.String(), Seq: seq, After: deadline}
	for r, n := range came {
		if n < times {
			late.Late = append(late.Late, Late{Rank: r})
		}
	}
	return late
}

// alarm wakes the ranks of a world when a deadline is over. Its zero value is good,
// and nil never rings.
type alarm struct{ timer *time.Timer }

func (a *alarm) start(w *localWorld) time.Time {
	if a == nil {
		return time.Time{}
	}
	now := time.Now()
	if a.timer == nil {
		a.timer = time.AfterFunc(w.deadline, w.wake)
	} else {
		a.timer.Reset(w.deadline)
	}
	return now
}

func (a *alarm) stop() {
	if a != nil {
		a.timer.Stop()
	}
}
