package runtime

import (
	"sync/atomic"
	"time"

	"capmoe/layers"

	"golang.org/x/sys/unix"
)

// clock measures a rank's time by step, layer and phase: CPU time of the calling
// thread, which leaves out what waiting for other ranks gave back to the machine, wall
// time, which does not, and how much of that was inside collective operations. The
// calling goroutine is locked to its thread.
type clock struct {
	layers int
	cpu    []int64 // [steps, layers, phases] nanoseconds
	wall   []int64
	inside []int64
	cell   int // the running phase's place in the three; -1: none
	cpu0   int64
	wall0  time.Time
	in0    int64
	spent  atomic.Int64 // inside operations, nanoseconds; the communicator adds to it
}

// begin adds a step.
func (c *clock) begin() {
	c.cpu = append(c.cpu, make([]int64, c.layers*int(layers.Phases))...)
	c.wall = append(c.wall, make([]int64, c.layers*int(layers.Phases))...)
	c.inside = append(c.inside, make([]int64, c.layers*int(layers.Phases))...)
	c.cell = -1
}

// enter ends the running phase of the last step and starts another.
func (c *clock) enter(layer int, p layers.Phase) {
	c.stop()
	c.cell = len(c.cpu) - (c.layers-layer)*int(layers.Phases) + int(p)
}

// stop ends the running phase.
func (c *clock) stop() {
	cpu, wall, in := threadCPU(), time.Now(), c.spent.Load()
	if c.cell >= 0 {
		c.cpu[c.cell] += cpu - c.cpu0
		c.wall[c.cell] += int64(wall.Sub(c.wall0))
		c.inside[c.cell] += in - c.in0
	}
	c.cpu0, c.wall0, c.in0, c.cell = cpu, wall, in, -1
}

// byPhase adds the cells up by phase.
func byPhase(cells []int64) (sums [layers.Phases]time.Duration) {
	for i, ns := range cells {
		sums[i%int(layers.Phases)] += time.Duration(ns)
	}
	return sums
}

func threadCPU() int64 {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts); err != nil {
		return 0
	}
	return ts.Nano()
}

// reset forgets all steps.
func (c *clock) reset() { c.cpu, c.wall, c.inside = c.cpu[:0], c.wall[:0], c.inside[:0] }

// times are a rank's clocks summed over steps, [layers, phases] nanoseconds.
type times struct {
	cpu, wall, inside []int64
}

func newTimes(cells int) times {
	return times{make([]int64, cells), make([]int64, cells), make([]int64, cells)}
}

// add adds all steps of a clock.
func (t times) add(c *clock) {
	for i := range c.cpu {
		at := i % len(t.cpu)
		t.cpu[at] += c.cpu[i]
		t.wall[at] += c.wall[i]
		t.inside[at] += c.inside[i]
	}
}
