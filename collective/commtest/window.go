package commtest

import (
	"errors"
	"fmt"
	"slices"
	"unsafe"

	"capmoe/collective"
)

// A communicator that offers no windows passes: callers do without then.
var windowRules = []rule{
	{"window: parts are apart", withWindow(1000, partsApart)},
	{"window: of nothing", withWindow(0, partsApart)},
	{"window: what is written before Arrive is read after Await", withWindow(800, writesReachAll)},
	{"window: ranks may arrive twice before they await", withWindow(800, arriveTwice)},
	{"window: grows", withWindow(8, grows)},
	{"window: two at once", twoWindows},
	{"window: operations go on between", withWindow(800, operationsBetween)},
	{"window: refuses a negative size", refusesWindow(func(int) int { return -1 })},
	{"window: refuses different sizes", refusesWindow(func(rank int) int { return 8 + rank })},
}

func withWindow(bytes int, use func(c collective.Communicator, w collective.Window) error) func(c collective.Communicator) error {
	return func(c collective.Communicator) error {
		w, err := collective.Share(c, bytes)
		if errors.Is(err, collective.ErrNotShared) {
			return nil
		}
		if err != nil {
			return err
		}
		for rank := range c.Size() {
			if n := len(w.Part(rank)); n < bytes {
				return fmt.Errorf("part %d holds %d bytes, want %d", rank, n, bytes)
			}
			if p := uintptr(unsafe.Pointer(unsafe.SliceData(w.Part(rank)))); p%64 != 0 {
				return fmt.Errorf("part %d begins at %x, no multiple of 64", rank, p)
			}
		}
		if err := collective.Agree(c, use(c, w)); err != nil {
			return err
		}
		return w.Free()
	}
}

// sync is a meeting at a window.
func sync(w collective.Window) error {
	w.Arrive()
	return w.Await()
}

// partsApart fills every rank's own part and looks at all of them.
func partsApart(c collective.Communicator, w collective.Window) error {
	own := w.Part(c.Rank())
	for i := range own {
		own[i] = byte(c.Rank() + 1)
	}
	if err := sync(w); err != nil {
		return err
	}
	for rank := range c.Size() {
		for i, v := range w.Part(rank) {
			if v != byte(rank+1) {
				return fmt.Errorf("byte %d of part %d is %d, want %d", i, rank, v, rank+1)
			}
		}
	}
	return nil
}

// writeAll writes this rank's bytes of a round into every part.
func writeAll(c collective.Communicator, w collective.Window, round int) {
	each := len(w.Part(0)) / c.Size()
	for dst := range c.Size() {
		copy(w.Part(dst)[c.Rank()*each:], block[byte](c.Rank()+round, dst, each))
	}
}

// readOwn compares this rank's part with what all wrote into it in a round.
func readOwn(c collective.Communicator, w collective.Window, round int) error {
	each := len(w.Part(0)) / c.Size()
	for src := range c.Size() {
		if got := w.Part(c.Rank())[src*each:][:each]; !slices.Equal(got, block[byte](src+round, c.Rank(), each)) {
			return fmt.Errorf("round %d: what rank %d has written is not there", round, src)
		}
	}
	return nil
}

func writesReachAll(c collective.Communicator, w collective.Window) error {
	for round := range 50 {
		writeAll(c, w, round)
		if err := sync(w); err != nil {
			return err
		}
		err := readOwn(c, w, round)
		if err := errors.Join(err, sync(w)); err != nil {
			return err
		}
	}
	return nil
}

// arriveTwice writes one half a round and arrives after each.
func arriveTwice(c collective.Communicator, w collective.Window) error {
	w.Arrive()
	writeAll(c, w, 7)
	w.Arrive()
	if err := w.Await(); err != nil {
		return err
	}
	return readOwn(c, w, 7)
}

func grows(c collective.Communicator, w collective.Window) error {
	for _, bytes := range []int{8, 10000, 100, 100000} {
		least := max(bytes, len(w.Part(0)))
		if err := w.Grow(bytes); err != nil {
			return err
		}
		if n := len(w.Part(c.Size() - 1)); n < least {
			return fmt.Errorf("a part holds %d bytes, want %d", n, least)
		}
		if err := writesReachAll(c, w); err != nil {
			return err
		}
	}
	return nil
}

func twoWindows(c collective.Communicator) error {
	return withWindow(100, func(c collective.Communicator, first collective.Window) error {
		return withWindow(200, func(c collective.Communicator, second collective.Window) error {
			writeAll(c, first, 1)
			writeAll(c, second, 2)
			first.Arrive()
			second.Arrive()
			return errors.Join(second.Await(), first.Await(), readOwn(c, first, 1), readOwn(c, second, 2))
		})(c)
	})(c)
}

// operationsBetween uses the group while ranks arrive and await.
func operationsBetween(c collective.Communicator, w collective.Window) error {
	for round := range 10 {
		writeAll(c, w, round)
		w.Arrive()
		sum := []int64{1}
		if err := collective.AllReduce(c, collective.Sum, sum); err != nil {
			return err
		}
		if err := w.Await(); err != nil {
			return err
		}
		if err := errors.Join(readOwn(c, w, round), c.Barrier()); err != nil {
			return err
		}
	}
	return nil
}

func refusesWindow(bytes func(rank int) int) func(c collective.Communicator) error {
	return func(c collective.Communicator) error {
		_, err := collective.Share(c, bytes(c.Rank()))
		var e *collective.Error
		if fits := bytes(0) >= 0 && c.Size() == 1; !fits && !errors.As(err, &e) {
			return fmt.Errorf("gives %v, want a *collective.Error", err)
		}
		return nil
	}
}
