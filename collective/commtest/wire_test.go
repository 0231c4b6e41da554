package commtest_test

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"capmoe/collective"
	"capmoe/collective/commtest"
)

func TestRanksOverAWireStillConform(t *testing.T) {
	err := collective.Run(3, collective.Options{}, func(c collective.Communicator) error {
		far, err := commtest.Over(c, commtest.Wire{Latency: time.Microsecond, Bandwidth: 1e12})
		if err != nil {
			return err
		}
		return commtest.Check(far)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// At 1 kB a second and with a latency of 100 ms. Ranks 0 and 1 send 2,000 and 1,000 bytes to each other.
func TestWireTakesTime(t *testing.T) {
	const latency = 100 * time.Millisecond
	for rule, test := range map[string]struct {
		body func(a, b collective.Communicator) error
		want [2]time.Duration // when rank 0 and rank 1 are through
	}{
		"each rank waits for what comes": {func(a, _ collective.Communicator) error { return trade(a, collective.Receive) }, [2]time.Duration{time.Second + latency, 2*time.Second + latency}},
		"work hides it": {func(a, _ collective.Communicator) error {
			return trade(a, func(a collective.Communicator) error {
				time.Sleep(1500 * time.Millisecond)
				return collective.Receive(a)
			})
		}, [2]time.Duration{1500 * time.Millisecond, 2*time.Second + latency}},
		"groups share it": {func(a, b collective.Communicator) error {
			return trade(a, func(collective.Communicator) error { return trade(b, collective.Receive) })
		}, [2]time.Duration{2*time.Second + latency, 4*time.Second + latency}},
		"a late sender is waited for": {func(a, _ collective.Communicator) error {
			if a.Rank() == 0 {
				time.Sleep(time.Second)
			}
			return trade(a, collective.Receive)
		}, [2]time.Duration{time.Second + latency, 3*time.Second + latency}},
	} {
		t.Run(rule, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				err := collective.Run(2, collective.Options{}, func(c collective.Communicator) error {
					a, err := commtest.Over(c, commtest.Wire{Latency: latency, Bandwidth: 1000})
					if err != nil {
						return err
					}
					b, err := a.Split(0, c.Rank())
					if err != nil {
						return err
					}
					start := time.Now()
					if err := test.body(a, b); err != nil {
						return err
					}
					if took, want := time.Since(start), test.want[c.Rank()]; took != want {
						return fmt.Errorf("%v, want %v", took, want)
					}
					return errors.Join(collective.Wait(a), collective.Wait(b))
				})
				if err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// trade begins, and goes on as told.
func trade(c collective.Communicator, then func(collective.Communicator) error) error {
	me := c.Rank()
	sizes := [2]int{2000, 1000}
	sendCounts, recvCounts := make([]int, 2), make([]int, 2)
	sendCounts[1-me], recvCounts[1-me] = sizes[me], sizes[1-me]
	if err := collective.IAllToAllV(c, make([]byte, sizes[1-me]), recvCounts, make([]byte, sizes[me]), sendCounts); err != nil {
		return err
	}
	return then(c)
}
