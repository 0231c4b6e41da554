package kernel

import (
	"sync"
	"sync/atomic"
)

// each calls do(worker, 0) … do(worker, n-1), each once, and returns when all are done. At most threads workers, numbered from 0, work at a
// time; worker 0 is the caller.
func each(threads, n int, do func(worker, i int)) {
	if threads == 1 {
		for i := range n {
			do(0, i)
		}
		return
	}
	var next atomic.Int64
	work := func(worker int) {
		for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
			do(worker, i)
		}
	}
	var team sync.WaitGroup
	for worker := 1; worker < min(threads, n); worker++ {
		team.Go(func() { work(worker) })
	}
	work(0)
	team.Wait()
}
