package commtest_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"capmoe/collective"
	"capmoe/collective/commtest"
)

func TestSlowDelaysEveryOperation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		err := collective.Run(3, collective.Options{}, func(c collective.Communicator) error {
			c = commtest.Slow(c, 1, time.Second)
			group, err := c.Split(0, -c.Rank())
			if err != nil {
				return err
			}
			counts := make([]int, 3)
			return errors.Join(c.Barrier(), c.Broadcast(nil, 0), c.AllReduce(nil, collective.Int32, collective.Sum),
				c.AllToAllV(nil, counts, nil, counts), c.AllGatherV(nil, counts, nil), group.Barrier())
		})
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took != 7*time.Second {
			t.Errorf("seven operations take %v, want 7s", took)
		}
	})
}

func TestSlowRanksStillConform(t *testing.T) {
	err := collective.Run(3, collective.Options{}, func(c collective.Communicator) error {
		return commtest.Check(commtest.Slow(c, 2, 10*time.Microsecond))
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestDroppedRankIsMissing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		err := collective.Run(3, collective.Options{Deadline: time.Minute}, func(c collective.Communicator) error {
			c = commtest.Drop(c, 1, 2)
			for range 2 {
				if err := c.Barrier(); err != nil {
					return err
				}
			}
			err := collective.AllReduce(c, collective.Sum, []int32{1})
			if c.Rank() == 1 {
				time.Sleep(time.Hour)
				if !errors.Is(err, commtest.ErrDropped) {
					return fmt.Errorf("gives %v, want ErrDropped", err)
				}
				return nil
			}
			var late *collective.DeadlineError
			if !errors.As(err, &late) || !slices.Equal(late.Missing(), []int{1}) {
				return fmt.Errorf("gives %v, want rank 1 missing", err)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}
