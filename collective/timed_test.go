package collective_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"capmoe/collective"
	"capmoe/collective/commtest"
)

// The rank that comes last has waited for nobody; the others have waited for it.
func TestTimeInside(t *testing.T) {
	for _, test := range []struct {
		rule string
		wrap func(collective.Communicator) collective.Communicator
	}{
		{"of a world", func(c collective.Communicator) collective.Communicator { return c }},
		{"of a counted one", func(c collective.Communicator) collective.Communicator {
			return collective.Counted(c, &collective.Traffic{})
		}},
		{"of a verified one", collective.Verified},
	} {
		t.Run(test.rule, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				err := collective.Run(3, collective.Options{}, func(c collective.Communicator) error {
					const delay = time.Second
					var inside atomic.Int64
					c = test.wrap(commtest.Slow(c, 1, delay))
					if err := c.Barrier(); err != nil { // not timed yet
						return err
					}
					if !collective.TimeInto(c, &inside) {
						return fmt.Errorf("cannot tell")
					}
					before := time.Now()
					if err := c.Barrier(); err != nil {
						return err
					}
					group, err := c.Split(0, 0)
					if err != nil {
						return err
					}
					if err := group.Barrier(); err != nil {
						return err
					}
					want := time.Since(before)
					if c.Rank() == 1 {
						want = 0
					}
					if got := time.Duration(inside.Load()); got != want {
						return fmt.Errorf("%v inside, want %v", got, want)
					}
					collective.TimeInto(c, nil)
					return c.Barrier()
				})
				if err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// Waiting in a window is inside an operation too.
func TestTimeInsideAWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		err := collective.Run(3, collective.Options{}, func(c collective.Communicator) error {
			const delay = time.Second
			var inside atomic.Int64
			w, err := collective.Share(c, 64)
			if err != nil {
				return err
			}
			collective.TimeInto(c, &inside)
			want := delay
			if c.Rank() == 1 {
				time.Sleep(delay)
				want = 0
			}
			w.Arrive()
			if err := w.Await(); err != nil {
				return err
			}
			if got := time.Duration(inside.Load()); got != want {
				return fmt.Errorf("%v inside, want %v", got, want)
			}
			collective.TimeInto(c, nil)
			return w.Free()
		})
		if err != nil {
			t.Error(err)
		}
	})
}
