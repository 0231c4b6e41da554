//go:build truth

package runtime

import (
	"os/exec"
	goruntime "runtime"
	"runtime/debug"
	"slices"
	"testing"

	"capmoe/collective"
	"capmoe/runtime/attribution"

	"golang.org/x/sys/unix"
)

// A rank that others on its core are preferred to is named by wall time. Both ranks stay
// on one core with a process that is always busy, so that whatever else the machine runs
// takes from both alike: one gets about half of what is left, the nice one a tenth. It is
// as slow as other hardware where it computes, and late to exchanges where it has lost the core on
// the way. Its thread has no other use after the run: only who may do anything makes a thread less
// nice again.
func TestTheNiceRankIsNamed(t *testing.T) {
	if testing.Short() {
		t.Skip("keeps a core busy for some seconds")
	}
	const ranks = 2
	f := fault{
		what: "a nice rank", causes: []attribution.Cause{attribution.SlowerHardware, attribution.ArrivalSkew},
		nice: 10, core: aCore(t),
	}
	spin(t, f.core)
	// A collection of garbage would have one rank wait for the nice thread of the other.
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	right := 0
	for run := range truthRuns {
		goruntime.GC()
		err := collective.Run(ranks, collective.Options{}, func(c collective.Communicator) error {
			goruntime.LockOSThread() // for good: see above
			p := Process{Comm: c, Hosts: slices.Repeat([]string{"host"}, ranks), Threads: 1}
			text, named, err := f.named(p, run%ranks)
			if c.Rank() == 0 && named {
				right++
			} else if c.Rank() == 0 {
				t.Logf("culprit %d: %s", run%ranks, text)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%s: %d of %d", f.what, right, truthRuns)
	if right < mustName {
		t.Errorf("want %d or more", mustName)
	}
}

// aCore is one that the process may use.
func aCore(t *testing.T) int {
	t.Helper()
	var allowed unix.CPUSet
	if err := unix.SchedGetaffinity(0, &allowed); err != nil {
		t.Fatal(err)
	}
	core := 0
	for !allowed.IsSet(core) {
		core++
	}
	return core
}

// stay keeps a thread, or a process, on a core.
func stay(id, core int) error {
	var set unix.CPUSet
	set.Set(core)
	return unix.SchedSetaffinity(id, &set)
}

// spin keeps a core busy until the test is over.
func spin(t *testing.T, core int) {
	t.Helper()
	spinner := exec.CommandContext(t.Context(), "sh", "-c", "while :; do :; done")
	if err := spinner.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		spinner.Process.Kill()
		spinner.Wait()
	})
	if err := stay(spinner.Process.Pid, core); err != nil {
		t.Fatal(err)
	}
}
