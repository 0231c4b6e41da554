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
func startLong(t *testing.T, flags ...string) *running {
	t.Helper()
	const ranks = 3
	args := append([]string{"eval", "--model", shippedModel, "--text", shippedText, "--window", "16"}, flags...)
	r := capmoe(ranks, args...).start(t)
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

// signal sends a signal to one rank.
func (r *running) signal(rank int, signal syscall.Signal) {
	r.t.Helper()
	processes := r.processes(fmt.Sprintf("OMPI_COMM_WORLD_RANK=%d\x00", rank))
	if len(processes) != 1 {
		r.t.Fatalf("%d processes of rank %d", len(processes), rank)
	}
	if err := syscall.Kill(processes[0], signal); err != nil {
		r.t.Fatal(err)
	}
}

// checkEnds waits for a job that was shot at: it has to end soon, with a failure, and
// leave nothing behind. It returns what is on standard error.
func checkEnds(t *testing.T, r *running, shot time.Time) string {
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
	return res.stderr
}

// The death of one rank, whichever it is, ends all.
func TestKilledRank(t *testing.T) {
	for _, rank := range []int{0, 2} {
		t.Run(fmt.Sprintf("rank %d", rank), func(t *testing.T) {
			r := startLong(t)
			shot := time.Now()
			r.signal(rank, syscall.SIGKILL)
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

// A rank that no longer takes part is named at the deadline, once, and all end.
func TestStoppedRank(t *testing.T) {
	r := startLong(t, "--deadline", "2s")
	shot := time.Now()
	r.signal(2, syscall.SIGSTOP)
	stderr := checkEnds(t, r, shot)
	if lines := linesOf(stderr); len(lines) != 1 || !strings.HasPrefix(lines[0], "capmoe: ") {
		t.Errorf("want one line that starts with capmoe:, got:\n%s", abridged(stderr))
	}
	checkContains(t, stderr, "rank 2 (")
	checkContains(t, stderr, "after 2s")
}
