package collective

import (
	"cmp"
	"fmt"
	"os"
	"time"
)

// DefaultDeadline is how long an operation may last when Options do not say.
const DefaultDeadline = 10 * time.Minute

// Options are the settings of a world. The zero value is good. Every rank gives the same.
type Options struct {
	// Deadline bounds every operation; 0 stands for DefaultDeadline. It has to
	// exceed the longest time that ranks compute apart from each other.
	Deadline time.Duration
	// Backoff makes a waiting rank of an MPI world sleep between polls, at most
	// 1/8 of the time it has waited already, so that it leaves its core to
	// others. Set it where there are more ranks than cores.
	Backoff bool
	// Stuck is told, by another goroutine, of an operation that MPI itself does not come back from: within the deadline, but a minute at
	// least, and to begin DefaultDeadline. Its thread is MPI's then, so that the process ends with exit code 1 afterwards, and its launcher
	// ends the others. nil writes the error to standard error.
	Stuck func(*StuckError)

	chunk int           // bytes in one MPI message, a multiple of 8; 0 stands for maxChunk
	apart bool          // share no memory, as ranks of several nodes
	leash time.Duration // the least that MPI's own calls may take; 0 stands for minLeash
}

// maxChunk is far from the 2³¹ at which MPI's counts wrap.
const maxChunk = 1 << 30

// minLeash is for MPI's own calls, which where ranks have no cores of their own take long however little ranks compute apart.
const minLeash = time.Minute

// ownDeadline is how long MPI's own call in an operation may last.
func (o Options) ownDeadline(k kind) time.Duration {
	least := cmp.Or(o.leash, minLeash)
	if k == initialize {
		least = DefaultDeadline
	}
	return max(o.deadline(), least)
}

func (o Options) deadline() time.Duration {
	if o.Deadline <= 0 {
		return DefaultDeadline
	}
	return o.Deadline
}

func (o Options) stuck(err *StuckError) {
	if o.Stuck != nil {
		o.Stuck(err)
	} else {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(1)
}

func (o Options) messageSize() int {
	if o.chunk == 0 {
		return maxChunk
	}
	return o.chunk
}

// World is all ranks of this run. Start makes it, once in a process.
type World struct {
	comm  Communicator
	hosts []string // by rank
	abort func(code int)
	close func() error
}

// Comm is the group of all ranks.
func (w *World) Comm() Communicator { return w.comm }

// Hosts names the host of every rank, in rank order.
func (w *World) Hosts() []string { return w.hosts }

// Abort ends all ranks at once with an exit code. It is the way out after an
// error that other ranks do not know of. It does not return.
func (w *World) Abort(code int) { w.abort(code) }

// Close ends this rank's part in the world; all ranks call it, after their last
// operation. It fails at once on a broken world, which only Abort ends.
func (w *World) Close() error { return w.close() }
