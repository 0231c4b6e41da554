package kernel

import (
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// counts is how often each of n pieces is done by a call.
func counts(team *team, n int) []int64 {
	done := make([]int64, n)
	team.each(n, func(_, i int) { atomic.AddInt64(&done[i], 1) })
	return done
}

func TestEachDoesEachOnce(t *testing.T) {
	for _, c := range [][2]int{{1, 0}, {2, 1}, {3, 100}, {8, 5}} {
		team := newTeam(c[0])
		for call := range 50 {
			if call%10 == 9 {
				time.Sleep(2 * restless) // workers sleep
			}
			if done := counts(team, c[1]); !slices.Equal(done, slices.Repeat([]int64{1}, c[1])) {
				t.Fatalf("%d threads, call %d of %d pieces: counts %v", c[0], call, c[1], done)
			}
		}
	}
}

// Calls from inside of a call, and beside one, are worked off by their callers.
func TestEachInsideAndBesideEach(t *testing.T) {
	team := newTeam(3)
	var callers sync.WaitGroup
	for range 4 {
		callers.Go(func() {
			for range 20 {
				var inner atomic.Int64
				team.each(7, func(_, i int) {
					for _, n := range counts(team, 5) {
						inner.Add(n)
					}
				})
				if inner.Load() != 35 {
					t.Errorf("7 calls of 5 pieces did %d", inner.Load())
				}
			}
		})
	}
	callers.Wait()
}

func TestEachAllocatesNothing(t *testing.T) {
	team, sum := newTeam(2), make([]int, 2)
	do := func(worker, i int) { sum[worker] += i }
	if n := testing.AllocsPerRun(100, func() { team.each(20, do) }); n > 0 {
		t.Errorf("%g allocations", n)
	}
}
