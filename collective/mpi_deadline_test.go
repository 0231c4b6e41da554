//go:build cgo && !nompi

package collective_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"capmoe/collective"
	"capmoe/collective/commtest"
)

// In these cases rank 2 does not do what the other ranks do. Each operation has
// a group of its own to break; the world stays whole.

// missing leaves ranks 0, 1 and 3 alone in every operation. The broadcast comes to
// rank 1 through rank 0.
func missing(w *collective.World) error {
	buf, counts := make([]byte, 32), []int{8, 8, 8, 8}
	calls := []struct {
		op   string
		call func(c collective.Communicator) error
	}{
		{"alltoallv", func(c collective.Communicator) error { return c.AllToAllV(buf, counts, buf, counts) }},
		{"alltoallv", func(c collective.Communicator) error {
			return errors.Join(collective.IAllToAllV(c, buf, counts, buf, counts), collective.Wait(c))
		}},
		{"allgatherv", func(c collective.Communicator) error { return c.AllGatherV(buf, counts, buf[:8]) }},
		{"allreduce", func(c collective.Communicator) error { return c.AllReduce(buf, collective.Int64, collective.Sum) }},
		{"bcast", func(c collective.Communicator) error { return c.Broadcast(buf, 2) }},
		{"barrier", collective.Communicator.Barrier},
		{"comm_split", func(c collective.Communicator) error { _, err := c.Split(0, 0); return err }},
	}
	groups := make([]collective.Communicator, len(calls))
	for i := range groups {
		var err error
		if groups[i], err = w.Comm().Split(0, 0); err != nil {
			return err
		}
	}
	if w.Comm().Rank() == 2 {
		return nil
	}
	var errs []error
	for i, call := range calls {
		meet(w, fmt.Sprint(call.op, i), 3)
		err := call.call(groups[i])
		errs = append(errs, isLate(err, call.op, collective.Late{Rank: 2, Host: w.Hosts()[2]}))
		errs = append(errs, staysBroken(groups[i], w))
	}
	return errors.Join(errs...)
}

// elsewhere lets rank 2 wait in another group than the others.
func elsewhere(w *collective.World) error {
	a, b, err := twoOfAll(w)
	if err != nil {
		return err
	}
	host := w.Hosts()[0]
	if w.Comm().Rank() != 2 {
		return isLate(collective.AllReduce(a, collective.Sum, []int32{1}), "allreduce",
			collective.Late{Rank: 2, Host: host, Waits: "barrier #1 of another group"})
	}
	return isLate(b.Barrier(), "barrier",
		collective.Late{Rank: 0, Host: host, Waits: "allreduce #1 of another group"},
		collective.Late{Rank: 1, Host: host, Waits: "allreduce #1 of another group"})
}

// waitsApart lets ranks 0 and 1 wait for rank 2, which waits for rank 3 in a group of these two: as ranks do of which each node
// has a group.
func waitsApart(w *collective.World) error {
	all, err := w.Comm().Split(0, 0)
	if err != nil {
		return err
	}
	half, err := w.Comm().Split(w.Comm().Rank()/2, 0)
	if err != nil {
		return err
	}
	host := w.Hosts()[0]
	switch w.Comm().Rank() {
	case 0:
		return isLate(all.Barrier(), "barrier",
			collective.Late{Rank: 2, Host: host, Waits: "barrier #1 of another group"}, collective.Late{Rank: 3, Host: host})
	case 1:
		return isLate(all.Barrier(), "barrier", collective.Late{Rank: 2, Host: host}, collective.Late{Rank: 3, Host: host})
	case 2:
		return isLate(half.Barrier(), "barrier", collective.Late{Rank: 1, Host: host})
	}
	return nil
}

// waitsForWaiter lets ranks 0 and 1 wait for rank 2 alone, which waits for rank 3 in the operation before, after a
// long wait for rank 1.
func waitsForWaiter(w *collective.World) error {
	group, err := w.Comm().Split(0, 0)
	if err != nil || group.Rank() == 3 {
		return err
	}
	missing := collective.Late{Rank: 3, Host: w.Hosts()[3]}
	none, send := make([]int, 4), make([]int, 4)
	switch group.Rank() {
	case 1:
		time.Sleep(2 * aSecond)
		send[2] = 8
	case 2:
		return isLate(receiveFrom(group, 1, 3), "alltoallv", missing)
	}
	if err := group.AllToAllV(nil, none, make([]byte, send[2]), send); err != nil {
		return err
	}
	waiter := collective.Late{Rank: 2, Host: w.Hosts()[2], Waits: "alltoallv #1"}
	return isLate(receiveFrom(group, 2), "alltoallv", waiter, missing)
}

// waitsForReader lets ranks 0 and 1 wait for rank 2, which is there, too, but waits until rank 3 has read what it was sent.
func waitsForReader(w *collective.World) error {
	group, err := w.Comm().Split(0, 0)
	if err != nil || group.Rank() == 3 {
		return err
	}
	err = errors.Join(receiveFrom(group), receiveFrom(group)) // as often a rank writes ahead of its reader
	if group.Rank() == 2 {
		err = errors.Join(err, group.AllToAllV(nil, make([]int, 4), make([]byte, 24), []int{8, 8, 0, 8}))
	} else {
		err = errors.Join(err, receiveFrom(group, 2))
	}
	return isLate(err, "alltoallv", collective.Late{Rank: 3, Host: w.Hosts()[3]})
}

// waitsBeyond lets rank 0 wait for rank 1, which waits for rank 3 in a group that rank 0 is not in. So does rank 2.
func waitsBeyond(op func(c collective.Communicator) error, name string) func(w *collective.World) error {
	return func(w *collective.World) error {
		half, err := w.Comm().Split(w.Comm().Rank()/2, 0)
		if err != nil {
			return err
		}
		odd, err := w.Comm().Split(w.Comm().Rank()%2, 0)
		if err != nil {
			return err
		}
		host := w.Hosts()[0]
		switch w.Comm().Rank() {
		case 0:
			err := receiveFrom(half, 1)
			want := fmt.Sprintf("rank 3 of the world (%s) keeps others waiting, rank 1 (%s) has not entered alltoallv #1 but waits in %s #1 of another group after 2s", host, host, name)
			if got := fact(err); got != want {
				return fmt.Errorf("says %q, want %q", got, want)
			}
			return nil
		case 1:
			return isLate(op(odd), name, collective.Late{Rank: 1, Host: host})
		case 2:
			return isLate(receiveFrom(half, 1), "alltoallv", collective.Late{Rank: 1, Host: host})
		}
		return nil
	}
}

// receiveFrom expects bytes of these ranks in an all-to-all-v to which its own rank brings nothing.
func receiveFrom(c collective.Communicator, ranks ...int) error {
	recvCounts, none := make([]int, c.Size()), make([]int, c.Size())
	for _, rank := range ranks {
		recvCounts[rank] = 8
	}
	return c.AllToAllV(make([]byte, 8*len(ranks)), recvCounts, nil, none)
}

// unsent lets rank 0 wait for bytes that rank 1, which is past the operation, has
// not sent. Rank 2 is past it, too, and silent.
func unsent(w *collective.World) error {
	group, err := w.Comm().Split(0, 0)
	if err != nil {
		return err
	}
	host := w.Hosts()[0]
	recvCounts, none := make([]int, 3), make([]int, 3)
	if group.Rank() == 0 {
		recvCounts[1] = 8
	}
	err = group.AllToAllV(make([]byte, 8), recvCounts, nil, none)
	switch group.Rank() {
	case 0:
		return isLate(err, "alltoallv", collective.Late{Rank: 1, Host: host, Entered: true, Waits: "barrier #2"})
	case 1:
		return errors.Join(err, isLate(group.Barrier(), "barrier",
			collective.Late{Rank: 0, Host: host, Waits: "alltoallv #1"},
			collective.Late{Rank: 2, Host: host}))
	default:
		return err
	}
}

// circle lets every rank wait for bytes of the next one.
func circle(w *collective.World) error {
	group, err := w.Comm().Split(0, 0)
	if err != nil {
		return err
	}
	next := (group.Rank() + 1) % 3
	recvCounts, none := make([]int, 3), make([]int, 3)
	recvCounts[next] = 8
	return isLate(group.AllToAllV(make([]byte, 8), recvCounts, nil, none), "alltoallv",
		collective.Late{Rank: next, Host: w.Hosts()[next], Entered: true, Waits: "alltoallv #1"})
}

// broadcastStops lets rank 3 wait for what rank 0 sends through rank 2. Ranks 0 and
// 1 are done, and silent.
func broadcastStops(w *collective.World) error {
	group, err := w.Comm().Split(0, 0)
	if err != nil {
		return err
	}
	if group.Rank() != 2 {
		err = group.Broadcast(make([]byte, 8), 0)
	}
	if group.Rank() == 3 {
		return isLate(err, "bcast", collective.Late{Rank: 2, Host: w.Hosts()[2]})
	}
	return err
}

// overWait lets rank 2 wait in an operation of b for long, and then miss one of a.
func overWait(op func(b collective.Communicator) error) func(w *collective.World) error {
	return func(w *collective.World) error {
		a, b, err := twoOfAll(w)
		if err != nil {
			return err
		}
		if err := op(commtest.Slow(b, 0, aSecond)); err != nil {
			return err
		}
		if w.Comm().Rank() == 2 {
			return nil
		}
		return isLate(a.Barrier(), "barrier", collective.Late{Rank: 2, Host: w.Hosts()[2]})
	}
}

func reduceOne(c collective.Communicator) error {
	return collective.AllReduce(c, collective.Sum, []int32{1})
}

func gatherOne(c collective.Communicator) error {
	return collective.AllGather(c, make([]int32, c.Size()), []int32{1})
}

func twoOfAll(w *collective.World) (a, b collective.Communicator, err error) {
	if a, err = w.Comm().Split(0, 0); err != nil {
		return nil, nil, err
	}
	b, err = w.Comm().Split(0, 0)
	return a, b, err
}

// isLate checks that err is a *DeadlineError of op about these ranks.
func isLate(err error, op string, want ...collective.Late) error {
	var late *collective.DeadlineError
	if !errors.As(err, &late) {
		return fmt.Errorf("%s: gives %v, want a *DeadlineError", op, err)
	}
	if late.Op != op || !slices.Equal(late.Late, want) || late.Beyond != nil {
		return fmt.Errorf("late in %s for %+v, beyond for %+v, want %s for %+v", late.Op, late.Late, late.Beyond, op, want)
	}
	return nil
}

// staysBroken checks that a group gives its error again at once, and that Close does too.
func staysBroken(group collective.Communicator, w *collective.World) error {
	for _, call := range []func() error{group.Barrier, w.Close} {
		start := time.Now()
		err := call()
		var late *collective.DeadlineError
		if !errors.As(err, &late) || !strings.Contains(err.Error(), "broken") {
			return fmt.Errorf("on a broken group: %v, want the *DeadlineError that broke it", err)
		}
		if waited := time.Since(start); waited > aSecond/2 {
			return fmt.Errorf("a broken group fails after %v", waited)
		}
	}
	return nil
}

// unarrived lets rank 2 stay away from a window.
func unarrived(w *collective.World) error {
	group, err := w.Comm().Split(0, 0)
	if err != nil {
		return err
	}
	window, err := collective.Share(group, 64)
	if err != nil {
		return err
	}
	if group.Rank() == 2 {
		return nil
	}
	meet(w, "window", 3)
	window.Arrive()
	err = isLate(window.Await(), "win_wait", collective.Late{Rank: 2, Host: w.Hosts()[2]})
	return errors.Join(err, staysBroken(group, w))
}

// stuckInSplit lets rank 2 tell its choice, as Split does first, and no more.
func stuckInSplit(w *collective.World) error {
	if w.Comm().Rank() == 2 {
		return collective.AllGather(w.Comm(), make([]int64, 6), []int64{0, 0})
	}
	_, err := w.Comm().Split(0, 0)
	return err
}

// stuckInShare lets rank 2 come where Share begins, and no further.
func stuckInShare(w *collective.World) error {
	if w.Comm().Rank() == 2 {
		return errors.Join(collective.AllReduce(w.Comm(), collective.Min, []int64{1, 64, -64}), w.Comm().Barrier())
	}
	_, err := collective.Share(w.Comm(), 64)
	return err
}

// stuckInClose lets rank 2 free the group of all, and not leave MPI.
func stuckInClose(w *collective.World) error {
	if w.Comm().Rank() == 2 {
		return w.Comm().Free()
	}
	return w.Close()
}
