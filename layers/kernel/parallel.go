package kernel

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// restless is how long a worker looks for the next call before it sleeps: products of a layer follow each other by less, and to wake a
// thread takes as long as a product of few rows.
const restless = 100 * time.Microsecond

// looks is how often one who waits looks before a look at the clock.
const looks = 1024

// team is the threads of a library: the caller and workers that sleep, or look for work for a while after a call.
//
//	round   call | pieces, 20 bits | next piece, 20 bits
//
// A worker takes a piece by raising round, which fails once another call has begun.
type team struct {
	size   int
	start  sync.Once
	busy   atomic.Bool   // a call is under way
	round  atomic.Uint64 // of the call
	done   atomic.Int64  // its pieces that are done
	do     func(worker, i int)
	asleep []atomic.Bool   // [size]
	wake   []chan struct{} // [size]
}

const (
	pieceBits  = 20
	mostPieces = 1<<pieceBits - 1
)

func newTeam(size int) *team {
	return &team{size: size, asleep: make([]atomic.Bool, size), wake: make([]chan struct{}, size)}
}

// each calls do(worker, 0) … do(worker, n-1), each once, and returns when all are done. Workers are numbered from 0, which is the
// caller. A call that comes while another is under way, or from inside of do, is worked off by its caller alone.
func (t *team) each(n int, do func(worker, i int)) {
	if t.size == 1 || n <= 1 || n > mostPieces || !t.busy.CompareAndSwap(false, true) {
		for i := range n {
			do(0, i)
			yield()
		}
		return
	}
	defer t.busy.Store(false)
	t.start.Do(t.hire)
	t.do = do
	t.done.Store(0)
	t.round.Store((t.call()+1)<<(2*pieceBits) | uint64(n)<<pieceBits)
	for worker := 1; worker < min(t.size, n); worker++ {
		if t.asleep[worker].CompareAndSwap(true, false) {
			t.wake[worker] <- struct{}{}
		}
	}
	t.work(0)
	since := time.Now()
	for looked := 1; t.done.Load() < int64(n); looked++ {
		if looked%looks == 0 && time.Since(since) > restless {
			runtime.Gosched()
		}
	}
	t.do = nil
}

// free is how many threads would work on a call that came now: one while another call is under way.
func (t *team) free() int {
	if t.busy.Load() {
		return 1
	}
	return t.size
}

// hire starts the workers, who stay as long as the library does: to the end of the process.
func (t *team) hire() {
	for worker := 1; worker < t.size; worker++ {
		t.wake[worker] = make(chan struct{}, 1)
		go t.serve(worker)
	}
}

// call is the number of the last call.
func (t *team) call() uint64 { return t.round.Load() >> (2 * pieceBits) }

// work does pieces of the call that is under way until none is left.
func (t *team) work(worker int) {
	for {
		round := t.round.Load()
		i, n := round&mostPieces, round>>pieceBits&mostPieces
		if i >= n {
			return
		}
		if t.round.CompareAndSwap(round, round+1) {
			t.do(worker, int(i))
			t.done.Add(1)
			yield()
		}
	}
}

// serve works whenever there is a call.
func (t *team) serve(worker int) {
	seen, since := uint64(0), time.Now()
	for looked := 1; ; looked++ {
		if call := t.call(); call != seen {
			t.work(worker)
			seen, since, looked = call, time.Now(), 0
			continue
		}
		if looked%looks != 0 || time.Since(since) < restless {
			continue
		}
		t.asleep[worker].Store(true)
		if t.call() != seen && t.asleep[worker].CompareAndSwap(true, false) {
			continue
		}
		<-t.wake[worker]
		since = time.Now()
	}
}
