package main

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"
)

// startLong starts an evaluation of the whole text on three ranks, which takes longer
// than the test waits, and returns once all of them are at work.
func startLong(t *testing.T) *running {
	t.Helper()
	const ranks = 3
	r := capmoe(ranks, "eval", "--model", shippedModel, "--text", shippedText, "--window", "16").start(t)
	for begun := 0; begun < ranks; {
		if time.Since(r.began) > faultLimit {
			r.cmd.Process.Kill()
			r.cmd.Wait()
			t.Fatalf("%d of %d ranks have begun after %v", begun, ranks, faultLimit)
		}
		time.Sleep(100 * time.Millisecond)
		begun = len(r.processes("OMPI_COMM_WORLD_RANK="))
	}
	time.Sleep(1500 * time.Millisecond) // past the start, into the steps
	return r
}

// checkEnds waits for a job that was shot at: it has to end soon, with a failure, and
// leave nothing behind.
func checkEnds(t *testing.T, r *running, shot time.Time) {
	t.Helper()
	res := r.wait()
	if took := time.Since(shot); took > faultLimit {
		t.Errorf("the ranks ended %v after the kill, want at most %v", took, faultLimit)
	}
	if res.code == 0 || res.stdout != "" {
		t.Errorf("exit code %d, standard output %q", res.code, abridged(res.stdout))
	}
	for _, text := range []string{"panic", "goroutine"} {
		if strings.Contains(res.stderr, text) {
			t.Errorf("%s on standard error:\n%s", text, abridged(res.stderr))
		}
	}
}

// The death of one rank, whichever it is, ends all.
func TestKilledRank(t *testing.T) {
	for _, rank := range []int{0, 2} {
		t.Run(fmt.Sprintf("rank %d", rank), func(t *testing.T) {
			r := startLong(t)
			victims := r.processes(fmt.Sprintf("OMPI_COMM_WORLD_RANK=%d\x00", rank))
			if len(victims) != 1 {
				t.Fatalf("%d processes of rank %d", len(victims), rank)
			}
			shot := time.Now()
			if err := syscall.Kill(victims[0], syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			checkEnds(t, r, shot)
		})
	}
}

// The death of mpirun ends all ranks, and so does asking it to end.
func TestKilledLauncher(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM, syscall.SIGINT} {
		t.Run(signal.String(), func(t *testing.T) {
			r := startLong(t)
			shot := time.Now()
			if err := r.cmd.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			checkEnds(t, r, shot)
		})
	}
}
