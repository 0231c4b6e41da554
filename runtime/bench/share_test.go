package bench

import (
	"strings"
	"testing"

	"capmoe/collective"
	"capmoe/layers/kernel"
	"capmoe/runtime"
)

// counted faults if parts are not told one after the other, up to so many.
func counted(t *testing.T, want int) func(done, of int) {
	last := 0
	t.Cleanup(func() {
		if last != want {
			t.Errorf("%d parts are done in the end, want %d", last, want)
		}
	})
	return func(done, of int) {
		if last++; done != last || of != want {
			t.Errorf("part %d of %d, want %d of %d", done, of, last, want)
		}
	}
}

// A core's ranks together do as much to find the limits of the machine, and take as much memory, as one alone.
func TestRanksOnACoreShareTheWork(t *testing.T) {
	lib, err := kernel.New(kernel.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range []struct{ turns, calls, experts int }{{1, 6 * (1 + 40 + 1), 64}, {8, 6 * (1 + 5 + 1), 21}, {1000, 6 * (1 + 2 + 1), 2}} {
		var traffic collective.Traffic
		err := collective.Run(1, collective.Options{}, func(c collective.Communicator) error {
			p := runtime.Process{Comm: collective.Counted(c, &traffic), Hosts: []string{"host"}, Threads: 1, Turns: k.turns}
			_, _, err := measurePeak(p, lib)
			return err
		})
		if err != nil || traffic.Calls != k.calls {
			t.Errorf("%d on a core: %d collectives for the peak, want %d; %v", k.turns, traffic.Calls, k.calls, err)
		}
		gc := GemmCase{Shape: Shape{Hidden: 2048, Inner: 1024, Experts: 64}}
		if n := gc.experts(k.turns); n != k.experts {
			t.Errorf("%d on a core: %d experts, want %d", k.turns, n, k.experts)
		}
	}
}

// What a host has no memory for is told by all ranks before any takes it.
func TestFits(t *testing.T) {
	if runtime.AvailableMemory() == 0 {
		t.Skip("the system does not say how much memory is available")
	}
	err := collective.Run(3, collective.Options{}, func(c collective.Communicator) error {
		p := runtime.Process{Comm: c, Hosts: []string{"small", "large", "large"}}
		if err := fits(p, "nothing", 0); err != nil {
			t.Errorf("rank %d: %v", c.Rank(), err)
		}
		bytes := int(runtime.AvailableMemory()) * 2 / 3 // of one rank
		err := fits(p, "weights", bytes)
		if err == nil || !strings.Contains(err.Error(), "of the 2 ranks of this host") {
			t.Errorf("rank %d, two ranks take two thirds each: %v", c.Rank(), err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
