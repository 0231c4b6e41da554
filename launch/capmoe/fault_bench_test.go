package main

import (
	"fmt"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"capmoe/launch"
)

// Numbers with which a benchmark would take the machine down, or seem to hang, are refused.
func TestBenchFaults(t *testing.T) {
	for _, c := range []struct {
		rule  string
		ranks int
		args  []string
		texts []string
	}{
		{"ranks of collectives are not absurd", alone, []string{"collective", "--ranks", "100000"}, []string{"--ranks 100000", "at most 256"}},
		{"ranks of a dispatch are not absurd", alone, []string{"dispatch", "--ranks", "100000"}, []string{"--ranks 100000", "at most 256"}},
		{"every rank of a layer has experts", 9, []string{"layer", "--shape", "mixtral", "--tokens", "9"}, []string{"bench layer: 9 ranks for the 8 experts of mixtral"}},
		{"a wire has an end", 2, []string{"overlap", "--latency", "10h"}, []string{"--latency 10h", "0 to 1s"}},
		{"a wire carries something", 2, []string{"overlap", "--bandwidth", "3,1e-300"}, []string{"--bandwidth 1e-300", "0.01 or more"}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			checkFault(t, capmoe(c.ranks, append([]string{"bench"}, c.args...)...), launch.ExitUsage, c.texts...)
		})
	}
}

// A benchmark that starts ranks itself needs no setting of Open MPI's, for root neither.
func TestBenchStartsRanksAsRoot(t *testing.T) {
	skipWithoutMPIRun(t)
	skipWithoutMPICC(t)
	j := capmoe(alone, "bench", "collective", "--bytes", "64", "--turns", "1", "--repeats", "1")
	j.env = []string{"OMPI_ALLOW_RUN_AS_ROOT=0", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=0"}
	checkContains(t, j.output(t), "2 ranks; capmoe and a plain C program")
}

func skipWithoutMPICC(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("mpicc"); err != nil {
		t.Skip("mpicc is not on PATH: the C program cannot be compiled")
	}
}

// A benchmark that is asked to end, or killed, leaves no rank of those that it has started. One that is asked leaves no
// file either.
func TestBenchInterrupted(t *testing.T) {
	skipWithoutMPIRun(t)
	skipWithoutMPICC(t)
	const ranks = 2
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGKILL} {
		t.Run(signal.String(), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			j := capmoe(alone, "bench", "collective", "--ranks", fmt.Sprint(ranks), "--bytes", "4194304", "--repeats", "1000")
			j.env = append(j.env, "TMPDIR="+dir)
			r := j.start(t)
			for len(r.processes("OMPI_COMM_WORLD_RANK=")) < ranks {
				if time.Since(r.began) > 3*faultLimit { // the C program is compiled first
					t.Errorf("%d of %d ranks have begun after %v", len(r.processes("OMPI_COMM_WORLD_RANK=")), ranks, time.Since(r.began))
					break
				}
				time.Sleep(50 * time.Millisecond)
			}
			shot := time.Now()
			if err := r.cmd.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			res := r.wait() // fails where a process is left
			if signal == syscall.SIGKILL {
				return
			}
			if res.code != launch.ExitFailed || time.Since(shot) > faultLimit {
				t.Errorf("exit code %d, %v after the signal", res.code, time.Since(shot))
			}
			checkContains(t, res.stderr, "capmoe: bench collective: interrupted, the ranks have been ended\n")
			checkClean(t, dir)
		})
	}
}
