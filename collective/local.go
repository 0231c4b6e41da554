package collective

import (
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"
)

// Run carries out body on size ranks of an in-process world, one goroutine each,
// and joins their errors, each with its rank. A rank whose body returns or panics
// has left: operations that wait for it fail on the other ranks with ErrLeft.
func Run(size int, opts Options, body func(c Communicator) error) error {
	if size < 1 {
		return fmt.Errorf("collective: run: a world of %d ranks, at least 1 is needed", size)
	}
	w := newLocalWorld(size, opts)
	group := newLocalGroup(w, identity(size))
	errs := make([]error, size)
	var ranks sync.WaitGroup
	for rank := range size {
		ranks.Go(func() {
			defer w.leave(rank)
			errs[rank] = fmt.Errorf("rank %d: %w", rank, errGoexit)
			errs[rank] = runRank(newLocalComm(group, rank), body)
		})
	}
	ranks.Wait()
	return errors.Join(errs...)
}

var errGoexit = errors.New("ended by runtime.Goexit")

func runRank(c *localComm, body func(c Communicator) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("rank %d: panic: %v\n%s", c.rank, p, debug.Stack())
		}
	}()
	if err := body(c); err != nil {
		return fmt.Errorf("rank %d: %w", c.rank, err)
	}
	return nil
}

// localWorld is what all groups of an in-process world share.
type localWorld struct {
	mu       sync.Mutex
	moved    sync.Cond // something below or in a group has changed
	deadline time.Duration
	left     []bool // by world rank
}

func newLocalWorld(size int, opts Options) *localWorld {
	w := &localWorld{deadline: opts.deadline(), left: make([]bool, size)}
	w.moved.L = &w.mu
	return w
}

func (w *localWorld) leave(rank int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.left[rank] = true
	w.moved.Broadcast()
}

func (w *localWorld) wake() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.moved.Broadcast()
}

func identity(size int) []int {
	ranks := make([]int, size)
	for i := range ranks {
		ranks[i] = i
	}
	return ranks
}
