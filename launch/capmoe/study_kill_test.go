package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"capmoe/launch"
	"capmoe/runtime/study"
)

// A study that is killed at any moment goes on with the same command: in the end every
// run has one row, and no run that has its row was started again.
func TestStudyKilled(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const runs, kills = 4 * 2 * 4 * 2, 12
	j, log := stubbed(t, "--out", dir, "--ranks", "1,2,3,4", "--systems", "drop,megatron-pad", "--gamma", "1,1.25,1.5,2", "--repeats", "2")
	random := rand.New(rand.NewPCG(7, 0))
	for range kills {
		r := j.start(t)
		time.Sleep(time.Duration(random.IntN(150)) * time.Millisecond)
		if err := r.cmd.Process.Kill(); err != nil && r.cmd.ProcessState == nil {
			t.Fatal(err)
		}
		r.wait() // fails where the launcher or a rank is left
		if random.IntN(2) == 0 {
			cutLastRow(t, filepath.Join(dir, study.RowsFile), random)
		}
	}
	j.output(t)
	seen := map[string]int{}
	for _, row := range rowsOf(t, dir) {
		seen[fmt.Sprint(row.Cell.ID, row.Repeat)]++
		if row.Failure != "" {
			t.Errorf("%s: %s", row.Cell.ID, row.Failure)
		}
	}
	for run, n := range seen {
		if n != 1 {
			t.Errorf("%s has %d rows", run, n)
		}
	}
	// A kill loses one run at most, and cutting its row off one more.
	if n := len(started(t, log)); len(seen) != runs || n < runs || n > runs+2*kills {
		t.Errorf("%d runs have rows, %d were started, want %d and at most %d more", len(seen), n, runs, 2*kills)
	}
	before := len(started(t, log))
	j.output(t)
	if n := len(started(t, log)); n != before {
		t.Errorf("a study that is done has started %d runs", n-before)
	}
}

// The launcher and the ranks of a study that is killed end too.
func TestStudyKilledLeavesNoRank(t *testing.T) {
	skipWithoutMPIRun(t)
	t.Parallel()
	const ranks = 3
	r := capmoe(alone, "study", "run", "--out", t.TempDir(), "--ranks", fmt.Sprint(ranks), "--systems", "dropless", "--models", shippedModel,
		"--workloads", "text:"+shippedText, "--window", "16", "--step-tokens", "256", "--steps", "256").start(t)
	for len(r.processes("OMPI_COMM_WORLD_RANK=")) < ranks {
		if time.Since(r.began) > faultLimit {
			t.Errorf("%d of %d ranks have begun after %v", len(r.processes("OMPI_COMM_WORLD_RANK=")), ranks, faultLimit)
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	r.cmd.Process.Kill()
	r.wait() // fails where a process is left
}

// cutLastRow leaves the last row half written, as a kill in the middle of it would.
func cutLastRow(t *testing.T, path string, random *rand.Rand) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil || len(text) == 0 {
		return
	}
	last := strings.LastIndexByte(strings.TrimSuffix(string(text), "\n"), '\n') + 1
	if err := os.Truncate(path, int64(last+1+random.IntN(len(text)-last-1))); err != nil {
		t.Fatal(err)
	}
}

// A study that is asked to end does: its ranks end, its rows stay, and it says how to
// go on.
func TestStudyInterrupted(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		t.Run(signal.String(), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			j, log := stubbed(t, "--out", dir, "--ranks", "1", "--systems", "drop", "--gamma", "1,2,3,4")
			j.env = append(j.env, "STUB_SLEEP=0.3")
			r := j.start(t)
			for len(started(t, log)) < 2 {
				time.Sleep(10 * time.Millisecond)
			}
			if err := r.cmd.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			res := r.wait()
			if rows := rowsOf(t, dir); res.code != launch.ExitFailed || len(rows) != 1 || res.took > faultLimit {
				t.Errorf("exit code %d, %d rows, %v", res.code, len(rows), res.took)
			}
			checkContains(t, res.stderr, "capmoe: study: interrupted, 1 of 4 runs are in "+dir+": the same command goes on\n")
			j.output(t)
			if rows := rowsOf(t, dir); len(rows) != 4 {
				t.Errorf("%d rows, want 4", len(rows))
			}
		})
	}
}

// A folder has one study at a time.
func TestStudyTwice(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j, log := stubbed(t, "--out", dir, "--ranks", "1", "--systems", "dropless")
	j.env = append(j.env, "STUB_SLEEP=2")
	r := j.start(t)
	for len(started(t, log)) == 0 {
		time.Sleep(10 * time.Millisecond)
	}
	checkFault(t, j, launch.ExitFailed, dir, "another process", "locked")
	if res := r.wait(); res.code != 0 {
		t.Errorf("exit code %d\n%s", res.code, res.stderr)
	}
}

// A full disk ends the study; what is on it stays, and the study goes on when there is
// room.
func TestStudyFullDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j, _ := stubbed(t, "--out", dir, "--ranks", "1,2", "--systems", "drop", "--gamma", "1,1.25,1.5,2")
	// No file may be larger than 8 blocks of 1024 bytes: a few rows.
	limited := exec.Command("bash", append([]string{"-c", `ulimit -f 8; exec "$@"`, "-", filepath.Join(programs, j.program)}, j.args...)...)
	limited.Env = append(os.Environ(), j.env...)
	out, err := limited.CombinedOutput()
	if err == nil || limited.ProcessState.ExitCode() != launch.ExitFailed {
		t.Fatalf("%v\n%s", err, out)
	}
	kept := strings.Count(readText(t, filepath.Join(dir, study.RowsFile)), "\n")
	lines := linesOf(string(out))
	checkContains(t, lines[len(lines)-1], fmt.Sprintf("rows.jsonl: write: file too large; the %d rows before are kept", kept))
	if kept < 1 || kept > 7 {
		t.Fatalf("%d rows fit", kept)
	}
	j.output(t)
	if rows := rowsOf(t, dir); len(rows) != 8 {
		t.Errorf("%d rows, want 8", len(rows))
	}
}

func readText(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
