package collective

import (
	"sync/atomic"
	"time"
)

// Timed is a Communicator that can tell how long its rank is inside operations: from
// the moment it enters, late or not, until its buffers are its own again. Ranks leave
// an operation at about the same time, so that the one with the shortest time came
// last, and clocks of different hosts need not agree.
type Timed interface {
	// TimeInto adds the nanoseconds of every later operation of the group, and of groups
	// split from it later, to total; nil ends it. Operations of two groups at once
	// count twice. It is false, and does nothing, where a group within cannot tell.
	TimeInto(total *atomic.Int64) bool
}

// TimeInto is c.TimeInto where c is Timed, else false.
func TimeInto(c Communicator, total *atomic.Int64) bool {
	t, ok := c.(Timed)
	return ok && t.TimeInto(total)
}

// stopwatch is what a Communicator of this package measures with. Without a total no
// clock is read.
type stopwatch struct {
	total *atomic.Int64
	began time.Time
}

func (w *stopwatch) TimeInto(total *atomic.Int64) bool {
	w.total = total
	return true
}

func (w *stopwatch) start() {
	if w.total != nil {
		w.began = time.Now()
	}
}

func (w *stopwatch) stop() {
	if w.total != nil {
		w.total.Add(int64(time.Since(w.began)))
	}
}
