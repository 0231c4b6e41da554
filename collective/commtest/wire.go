package commtest

import (
	"slices"
	"time"

	"capmoe/collective"
)

// Wire is a network that carries a rank's bytes while its core is free.
type Wire struct {
	Latency   time.Duration
	Bandwidth float64 // bytes a second of a rank, out and in at once
}

// Over is c, of ranks on one machine, with all-to-all-v's that take as long as over a wire: blocks leave a rank one after the other, what begins
// later behind what began before, also in groups split from c; they are there when they have left, and the receiver has
// taken in all before them, and a latency later. Other operations, and blocks to itself, take no longer than without. All ranks call it.
func Over(c collective.Communicator, w Wire) (collective.Communicator, error) {
	return newWired(c, &line{Wire: w})
}

// line is a rank's end of the wire.
type line struct {
	Wire
	out, in time.Time // when it is free
}

// wired sends the time when blocks have left a rank ahead of them.
type wired struct {
	collective.Communicator
	line          *line
	times         collective.Communicator
	counts        []int   // [P] of 1
	left, arrived []int64 // [P] when blocks have left, unix nanoseconds; 0: none
	recvCounts    []int
	on            bool
	there         time.Time // when what is to come is there; zero: not known yet
}

func newWired(c collective.Communicator, l *line) (collective.Communicator, error) {
	times, err := c.Split(0, c.Rank())
	if err != nil {
		return nil, err
	}
	n := c.Size()
	return &wired{Communicator: c, line: l, times: times, counts: slices.Repeat([]int{1}, n), left: make([]int64, n), arrived: make([]int64, n)}, nil
}

func (w *wired) AllToAllV(recv []byte, recvCounts []int, send []byte, sendCounts []int) error {
	if err := w.IAllToAllV(recv, recvCounts, send, sendCounts); err != nil {
		return err
	}
	return w.Wait()
}

func (w *wired) IAllToAllV(recv []byte, recvCounts []int, send []byte, sendCounts []int) error {
	if err := collective.IAllToAllV(w.Communicator, recv, recvCounts, send, sendCounts); err != nil {
		return err
	}
	w.on, w.recvCounts, w.there = true, recvCounts, time.Time{}
	l, me := w.line, w.Rank()
	l.out = latest(l.out, time.Now())
	for i := range sendCounts {
		to := (me + 1 + i) % w.Size()
		w.left[to] = 0
		if n := sendCounts[to]; n > 0 && to != me {
			l.out = l.out.Add(l.take(n))
			w.left[to] = l.out.UnixNano()
		}
	}
	return collective.IAllToAllV(w.times, w.arrived, w.counts, w.left, w.counts)
}

// take is how long so many bytes pass by.
func (l *line) take(bytes int) time.Duration {
	return time.Duration(float64(bytes) / l.Bandwidth * float64(time.Second))
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func (w *wired) Test() bool { return !w.on || collective.Test(w.Communicator) }

func (w *wired) Receive() error {
	if !w.on || !w.there.IsZero() {
		return nil
	}
	if err := collective.Wait(w.times); err != nil {
		return err
	}
	w.there = time.Now()
	for r, left := range w.arrived {
		if n := w.recvCounts[r]; r != w.Rank() && left > 0 && n > 0 {
			w.line.in = latest(w.line.in.Add(w.line.take(n)), time.Unix(0, left))
			w.there = latest(w.there, w.line.in.Add(w.line.Latency))
		}
	}
	time.Sleep(time.Until(w.there))
	return collective.Receive(w.Communicator)
}

func (w *wired) Wait() error {
	if !w.on {
		return nil
	}
	if err := w.Receive(); err != nil {
		return err
	}
	w.on = false
	return collective.Wait(w.Communicator)
}

func (w *wired) Split(color, key int) (collective.Communicator, error) {
	group, err := w.Communicator.Split(color, key)
	if group == nil || err != nil {
		return nil, err
	}
	return newWired(group, w.line)
}
