package kernel

import (
	"sync"
	"sync/atomic"
)

// parallel calls do(0) … do(n-1), each once, on at most threads goroutines, and returns when all are done.
func parallel(threads, n int, do func(i int)) {
	var next atomic.Int64
	var team sync.WaitGroup
	for range min(threads, n) {
		team.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				do(i)
			}
		})
	}
	team.Wait()
}
