package collective_test

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"capmoe/collective"
	"capmoe/collective/commtest"
)

func TestLocalWorldPassesConformance(t *testing.T) {
	for _, size := range []int{1, 2, 3, 4, 8} {
		t.Run(fmt.Sprintf("%d ranks", size), func(t *testing.T) {
			if err := collective.Run(size, collective.Options{}, commtest.Check); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestLocalBarrierWaitsForAll(t *testing.T) {
	const size = 4
	var entered atomic.Int64
	err := collective.Run(size, collective.Options{}, func(c collective.Communicator) error {
		for round := range int64(100) {
			entered.Add(1)
			if err := c.Barrier(); err != nil {
				return err
			}
			if n := entered.Load(); n < (round+1)*size {
				return fmt.Errorf("past barrier %d when %d of %d have entered", round, n, (round+1)*size)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// In these bodies rank 2 of 4 leaves; the others wait in a barrier.
func TestLocalWorldWithoutOneRank(t *testing.T) {
	gone := errors.New("gone")
	for rule, test := range map[string]struct {
		leave func(t *testing.T) error
		says  string
	}{
		"a rank that returns does not hang the others":            {func(*testing.T) error { return nil }, ""},
		"a rank that fails does not hang the others":              {func(*testing.T) error { return gone }, "rank 2: gone"},
		"a rank that panics does not hang the others":             {func(*testing.T) error { panic("oh") }, "rank 2: panic: oh"},
		"a rank that ends its goroutine does not hang the others": {func(t *testing.T) error { runtime.Goexit(); return nil }, "rank 2: ended by runtime.Goexit"},
	} {
		t.Run(rule, func(t *testing.T) {
			var named atomic.Int64
			err := collective.Run(4, collective.Options{}, func(c collective.Communicator) error {
				if c.Rank() == 2 {
					return test.leave(t)
				}
				for range 2 { // the group stays broken
					err := c.Barrier()
					var e *collective.Error
					if errors.As(err, &e) && e.Peer == 2 && errors.Is(err, collective.ErrLeft) {
						named.Add(1)
					}
				}
				return nil
			})
			if named.Load() != 6 {
				t.Errorf("%d of 6 operations name the rank that has left", named.Load())
			}
			if (err == nil) != (test.says == "") || err != nil && !strings.HasPrefix(err.Error(), test.says) {
				t.Errorf("Run gives %v, want %q", err, test.says)
			}
		})
	}
}

func TestLocalGroupLivesWithoutOthers(t *testing.T) {
	err := collective.Run(4, collective.Options{}, func(c collective.Communicator) error {
		half, err := c.Split(c.Rank()%2, 0)
		if err != nil {
			return err
		}
		if c.Rank()%2 == 1 {
			return nil
		}
		return commtest.Check(half)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestLocalWindowNamesTheMissing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		err := collective.Run(3, collective.Options{Deadline: time.Second}, func(c collective.Communicator) error {
			w, err := collective.Share(c, 64)
			if err != nil || c.Rank() == 1 {
				time.Sleep(2 * time.Second)
				return err
			}
			w.Arrive()
			err = w.Await()
			var late *collective.DeadlineError
			if !errors.As(err, &late) || late.Op != "win_wait" || !slices.Equal(late.Missing(), []int{1}) {
				return fmt.Errorf("gives %v, want a *DeadlineError about rank 1", err)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

func TestLocalWindowDoesNotWaitForARankThatHasLeft(t *testing.T) {
	err := collective.Run(3, collective.Options{}, func(c collective.Communicator) error {
		w, err := collective.Share(c, 64)
		if err != nil || c.Rank() == 1 {
			return err
		}
		w.Arrive()
		err = w.Await()
		var e *collective.Error
		if !errors.As(err, &e) || e.Peer != 1 || !errors.Is(err, collective.ErrLeft) {
			return fmt.Errorf("gives %v, want that rank 1 has left", err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Rank 1 begins, and does not end it.
func TestLocalWaitNamesWhoDoesNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		err := collective.Run(3, collective.Options{Deadline: time.Second}, func(c collective.Communicator) error {
			buf, counts := make([]byte, 6), []int{2, 2, 2}
			if err := collective.IAllToAllV(c, buf, counts, buf, counts); err != nil || c.Rank() == 1 {
				time.Sleep(2 * time.Second)
				return err
			}
			if err := collective.Receive(c); err != nil {
				return err
			}
			err := collective.Wait(c)
			var late *collective.DeadlineError
			if !errors.As(err, &late) || late.Op != "alltoallv" || !slices.Equal(late.Missing(), []int{1}) {
				return fmt.Errorf("gives %v, want a *DeadlineError about rank 1", err)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

func TestLocalRunNeedsARank(t *testing.T) {
	if err := collective.Run(0, collective.Options{}, commtest.Check); err == nil {
		t.Fatal("a world of no ranks runs")
	}
}

func TestLocalDeadlineNamesTheMissing(t *testing.T) {
	for rule, test := range map[string]struct {
		opts  collective.Options
		after time.Duration
	}{
		"as set":             {collective.Options{Deadline: time.Second}, time.Second},
		"ten minutes if not": {collective.Options{}, 10 * time.Minute},
	} {
		t.Run(rule, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				err := collective.Run(4, test.opts, func(c collective.Communicator) error {
					return lateBody(c, test.after)
				})
				if err != nil {
					t.Fatal(err)
				}
			})
		})
	}
}

// lateBody lets ranks 1 and 3 miss the second operation.
func lateBody(c collective.Communicator, deadline time.Duration) error {
	if err := c.Barrier(); err != nil {
		return err
	}
	if c.Rank()%2 == 1 {
		time.Sleep(2 * deadline)
	}
	start := time.Now()
	err := c.Barrier()
	var late *collective.DeadlineError
	if !errors.As(err, &late) {
		return fmt.Errorf("gives %v, want a *DeadlineError", err)
	}
	if late.Seq != 2 || late.After != deadline || !slices.Equal(late.Missing(), []int{1, 3}) {
		return fmt.Errorf("operation %d misses %v after %v", late.Seq, late.Missing(), late.After)
	}
	waited := time.Since(start)
	if c.Rank()%2 == 1 && waited != 0 {
		return fmt.Errorf("a broken group waits for %v", waited)
	}
	if c.Rank()%2 == 0 && waited != deadline {
		return fmt.Errorf("gives up after %v, the deadline is %v", waited, deadline)
	}
	return nil
}

// Without Verified, the in-process world tells those ranks that are concerned.
func TestLocalWorldFindsDisagreement(t *testing.T) {
	buf := func() []byte { return make([]byte, 16) }
	for rule, test := range map[string]struct {
		call func(c collective.Communicator) error
		want []string // by rank, the fact; empty for none
	}{
		"other bytes sent than expected": {func(c collective.Communicator) error {
			if c.Rank() == 0 {
				return c.AllToAllV(buf(), []int{0, 4}, nil, []int{0, 0})
			}
			return c.AllToAllV(buf(), []int{0, 0}, buf(), []int{7, 0})
		}, []string{"rank 1 sends 7 bytes, rank 0 expects 4", ""}},
		"another length gathered than expected": {func(c collective.Communicator) error {
			return c.AllGatherV(buf(), []int{4 + c.Rank(), 5}, buf()[:4+c.Rank()])
		}, []string{"", "rank 0 sends 4 bytes, rank 1 expects 5"}},
		"vectors of different lengths": {func(c collective.Communicator) error {
			return c.AllReduce(buf()[:8+8*c.Rank()], collective.Int64, collective.Sum)
		}, slices.Repeat([]string{"rank 1 reduces 16 bytes of int64 by sum, rank 0 8 bytes of int64 by sum"}, 2)},
		"different roots": {func(c collective.Communicator) error {
			return c.Broadcast(buf(), c.Rank())
		}, slices.Repeat([]string{"rank 1 passes root 1, rank 0 root 0"}, 2)},
		"different lengths broadcast": {func(c collective.Communicator) error {
			return c.Broadcast(buf()[c.Rank():], 0)
		}, []string{"", "rank 0 sends 16 bytes, rank 1 expects 15"}},
		"different operations": {func(c collective.Communicator) error {
			if c.Rank() == 0 {
				return c.Broadcast(buf(), 0)
			}
			return c.AllReduce(buf(), collective.Int64, collective.Sum)
		}, slices.Repeat([]string{"rank 1 calls allreduce, rank 0 calls bcast"}, 2)},
	} {
		t.Run(rule, func(t *testing.T) {
			err := collective.Run(2, collective.Options{}, func(c collective.Communicator) error {
				if got := fact(test.call(c)); got != test.want[c.Rank()] {
					return fmt.Errorf("says %q, want %q", got, test.want[c.Rank()])
				}
				return commtest.Check(c)
			})
			if err != nil {
				t.Fatal(err)
			}
		})
	}
}

// fact is the text of the innermost error.
func fact(err error) string {
	var e *collective.Error
	if !errors.As(err, &e) {
		return ""
	}
	return e.Err.Error()
}

func TestLocalOperationsAllocateNothing(t *testing.T) {
	const runs = 100
	err := collective.Run(2, collective.Options{}, func(c collective.Communicator) error {
		send, recv, counts := make([]float32, 6), make([]float32, 6), []int{3, 3}
		w, err := collective.Share(c, 64)
		if err != nil {
			return err
		}
		operations := func() {
			collective.AllToAllV(c, recv, counts, send, counts)
			collective.IAllToAllV(c, recv, counts, send, counts)
			collective.Test(c)
			collective.Wait(c)
			collective.AllReduce(c, collective.Sum, recv)
			collective.Broadcast(c, recv, 0)
			c.Barrier()
			w.Arrive()
			w.Await()
		}
		if c.Rank() == 1 {
			for range runs + 1 { // as often as AllocsPerRun
				operations()
			}
		} else if n := testing.AllocsPerRun(runs, operations); n != 0 {
			return fmt.Errorf("%v allocations in six operations", n)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
