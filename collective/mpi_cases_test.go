//go:build cgo && !nompi

package collective_test

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"capmoe/collective"
	"capmoe/collective/commtest"
)

const (
	abortCode = 7
	// aSecond is a deadline long enough for ranks that compete for cores to find
	// each other in, and short enough to wait for.
	aSecond = time.Second
)

var mpiCases = map[string]mpiCase{
	"conformance":                                 {collective.Options{Backoff: true}, checkWorld, false},
	"conformance in small messages":               {collective.Options{}.InMessagesOf(1000), checkWorld, false},
	"conformance without shared memory":           {collective.Options{}.Apart(), checkApart, false},
	"unequal counts without shared memory":        {collective.Options{Deadline: 20 * aSecond}.Apart(), unequalCounts, false},
	"hosts of all ranks":                          {collective.Options{}, hostsOfAll, false},
	"a second start fails":                        {collective.Options{}, startTwice, false},
	"unequal counts are told to the receiver":     {collective.Options{Deadline: 20 * aSecond}, unequalCounts, false},
	"a late rank is waited for":                   {collective.Options{Deadline: 20 * aSecond}, lateRank, false},
	"two groups at once":                          {collective.Options{Backoff: true}, twoGroups, false},
	"no allocation in steady state":               {collective.Options{}, noAllocation, false},
	"backoff leaves the core to others":           {collective.Options{Backoff: true}, backoff, false},
	"the error names the rank that is missing":    {collective.Options{Deadline: aSecond, Backoff: true}, missing, true},
	"the error names where a rank waits instead":  {collective.Options{Deadline: 2 * aSecond, Backoff: true}, elsewhere, true},
	"rank 0 knows who waits in other groups":      {collective.Options{Deadline: 2 * aSecond, Backoff: true}, waitsApart, true},
	"rank 0 knows whom a waiter waits for":        {collective.Options{Deadline: 4 * aSecond, Backoff: true}, waitsForWaiter, true},
	"rank 0 knows whom one beside it waits for":   {collective.Options{Deadline: 2 * aSecond, Backoff: true}, waitsForReader, true},
	"rank 0 knows whom another group waits for":   {collective.Options{Deadline: 2 * aSecond, Backoff: true}, waitsBeyond(func(c collective.Communicator) error { return receiveFrom(c, 1) }, "alltoallv"), true},
	"rank 0 knows who misses another's barrier":   {collective.Options{Deadline: 2 * aSecond, Backoff: true}, waitsBeyond(collective.Communicator.Barrier, "barrier"), true},
	"the error tells unequal counts from absence": {collective.Options{Deadline: 2 * aSecond, Backoff: true}, unsent, true},
	"the error tells a circle of ranks":           {collective.Options{Deadline: 2 * aSecond, Backoff: true}, circle, true},
	"the error names where a broadcast stops":     {collective.Options{Deadline: 2 * aSecond, Backoff: true}, broadcastStops, true},
	"the error knows of waits that are over":      {collective.Options{Deadline: 2 * aSecond, Backoff: true}, overWait(collective.Communicator.Barrier), true},
	"the error knows of reductions that are over": {collective.Options{Deadline: 2 * aSecond, Backoff: true}, overWait(reduceOne), true},
	"the error knows of gathers that are over":    {collective.Options{Deadline: 2 * aSecond, Backoff: true}, overWait(gatherOne), true},
	"the error names who is not at a window":      {collective.Options{Deadline: 2 * aSecond, Backoff: true}, unarrived, true},
	"stuck in comm_split":                         {collective.Options{Deadline: aSecond, Backoff: true}.OnLeash(10 * aSecond), stuckInSplit, true},
	"stuck in win_allocate_shared":                {collective.Options{Deadline: aSecond, Backoff: true}.OnLeash(10 * aSecond), stuckInShare, true},
	"stuck in finalize":                           {collective.Options{Deadline: aSecond, Backoff: true}.OnLeash(10 * aSecond), stuckInClose, true},
	"windows are shared on a node":                {collective.Options{}, windowsShared, false},
	"abort":                                       {collective.Options{}, abort, false},
}

func checkWorld(w *collective.World) error { return commtest.Check(w.Comm()) }

func checkApart(w *collective.World) error {
	if _, err := collective.Share(w.Comm(), 64); !errors.Is(err, collective.ErrNotShared) && w.Comm().Size() > 1 {
		return fmt.Errorf("shares memory: %v", err)
	}
	return checkWorld(w)
}

func hostsOfAll(w *collective.World) error {
	host, err := os.Hostname()
	if err != nil {
		return err
	}
	if want := slices.Repeat([]string{host}, w.Comm().Size()); !slices.Equal(w.Hosts(), want) {
		return fmt.Errorf("hosts %q, want %q", w.Hosts(), want)
	}
	return nil
}

func startTwice(*collective.World) error {
	if _, err := collective.Start(collective.Options{}); err == nil {
		return errors.New("no error")
	}
	return nil
}

// unequalCounts sends bytes from rank 1 to rank 0, which expects another number.
// Bytes that are not expected at all must not turn up later.
func unequalCounts(w *collective.World) error {
	c := w.Comm()
	const long = 50000 // what goes by messages
	for _, pair := range [][2]int{{7, 4}, {7, 9}, {7, 0}, {long, 7}, {7, long}, {long, long - 1}, {long, long + 1}} {
		sent, expected := pair[0], pair[1]
		recvCounts, sendCounts := make([]int, c.Size()), make([]int, c.Size())
		if c.Rank() == 1 {
			sendCounts[0] = sent
		}
		if c.Rank() == 0 {
			recvCounts[1] = expected
		}
		err := c.AllToAllV(make([]byte, expected), recvCounts, make([]byte, sent), sendCounts)
		want := ""
		if c.Rank() == 0 && expected > 0 {
			want = fmt.Sprintf("rank 1 sends %d bytes, rank 0 expects %d", sent, expected)
		}
		if got := fact(err); got != want {
			return fmt.Errorf("says %q, want %q", got, want)
		}
		if err := checkWorld(w); err != nil {
			return fmt.Errorf("after unequal counts: %w", err)
		}
	}
	return nil
}

// windowsShared makes sure that the rules of windows are not passed by offering none.
func windowsShared(w *collective.World) error {
	window, err := collective.Share(w.Comm(), 1<<20)
	if err != nil {
		return err
	}
	if err := window.Grow(1 << 50); !errors.Is(err, collective.ErrNotShared) {
		return fmt.Errorf("a petabyte gives %v, want %v", err, collective.ErrNotShared)
	}
	if n := len(window.Part(0)); n != 1<<20 {
		return fmt.Errorf("a part holds %d bytes after a failed growth, want %d", n, 1<<20)
	}
	return window.Free()
}

// lateRank makes a rank later than the patience after which the roll is called.
func lateRank(w *collective.World) error {
	c := commtest.Slow(w.Comm(), 1, 1500*time.Millisecond)
	sum := []int32{1}
	if err := collective.AllReduce(c, collective.Sum, sum); err != nil {
		return err
	}
	if int(sum[0]) != c.Size() {
		return fmt.Errorf("sum %d of %d ranks", sum[0], c.Size())
	}
	return checkWorld(w)
}

// twoGroups uses two groups of all ranks from two goroutines, in no order.
func twoGroups(w *collective.World) error {
	var groups [2]collective.Communicator
	for i := range groups {
		var err error
		if groups[i], err = w.Comm().Split(0, 0); err != nil {
			return err
		}
	}
	var errs [2]error
	var both sync.WaitGroup
	for i, group := range groups {
		both.Go(func() { errs[i] = commtest.Check(group) })
	}
	both.Wait()
	return errors.Join(errs[:]...)
}

func noAllocation(w *collective.World) error {
	c := w.Comm()
	size := c.Size()
	counts := slices.Repeat([]int{3}, size)
	send, recv := make([]float32, 3*size), make([]float32, 3*size)
	window, err := collective.Share(c, 64)
	if err != nil {
		return err
	}
	n := testing.AllocsPerRun(100, func() {
		err = errors.Join(err,
			collective.AllToAllV(c, recv, counts, send, counts),
			collective.IAllToAllV(c, recv, counts, send, counts),
			collective.Receive(c),
			collective.Wait(c),
			collective.AllToAll(c, recv, send),
			collective.AllGather(c, recv, send[:3]),
			collective.AllReduce(c, collective.Sum, recv),
			collective.Broadcast(c, recv, 0),
			c.Barrier())
		window.Arrive()
		err = errors.Join(err, window.Await())
	})
	if n != 0 {
		return fmt.Errorf("%v allocations in eight operations", n)
	}
	return err
}

// backoff measures the CPU time of a rank that waits for another.
func backoff(w *collective.World) error {
	c := w.Comm()
	start, cpu := time.Now(), threadTime()
	if err := commtest.Slow(c, 1, 2*time.Second).Barrier(); err != nil {
		return err
	}
	waited, used := time.Since(start), threadTime()-cpu
	if used > waited/5 {
		return fmt.Errorf("used %v of CPU while it waited for %v", used, waited)
	}
	return nil
}

func threadTime() time.Duration {
	const thread = 1 // RUSAGE_THREAD of Linux
	var u syscall.Rusage
	if err := syscall.Getrusage(thread, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// abort ends the world while the other ranks wait.
func abort(w *collective.World) error {
	if w.Comm().Rank() == 1 {
		w.Abort(abortCode)
	}
	return w.Comm().Barrier()
}
