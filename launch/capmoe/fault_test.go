package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// faultLimit is how long ranks may take to end after a fault of the input.
const faultLimit = 10 * time.Second

// faultRanks are the numbers of ranks every fault is tried on.
var faultRanks = []int{alone, 3}

// checkFault runs a job that has to fail as a command should: with the exit code, in
// time, with one line on standard error that has all the texts, nothing on standard
// output, and no process left.
func checkFault(t *testing.T, j job, code int, texts ...string) {
	t.Helper()
	res := j.run(t)
	if res.code != code {
		t.Errorf("%d ranks: exit code %d, want %d", j.ranks, res.code, code)
	}
	if res.took > faultLimit {
		t.Errorf("%d ranks: took %v, want at most %v", j.ranks, res.took, faultLimit)
	}
	if res.stdout != "" {
		t.Errorf("%d ranks: standard output is not empty:\n%s", j.ranks, abridged(res.stdout))
	}
	lines := linesOf(res.stderr)
	if len(lines) != 1 || !strings.HasPrefix(lines[0], "capmoe: ") {
		t.Errorf("%d ranks: want one line that starts with capmoe:, got %d:\n%s", j.ranks, len(lines), abridged(res.stderr))
	}
	for _, text := range texts {
		checkContains(t, res.stderr, text)
	}
}

// linesOf are the lines of standard error that are not MPI's own, which start with
// the host and the process in brackets.
func linesOf(stderr string) []string {
	var lines []string
	for line := range strings.Lines(stderr) {
		if strings.TrimSpace(line) != "" && !strings.HasPrefix(line, "[") {
			lines = append(lines, line)
		}
	}
	return lines
}

func checkContains(t *testing.T, output, text string) {
	t.Helper()
	if !strings.Contains(output, text) {
		t.Errorf("%q is not in:\n%s", text, abridged(output))
	}
}

func abridged(text string) string { return text[:min(len(text), 500)] }

// checkClean fails if a folder holds anything but the named files: a command that
// failed leaves nothing half written.
func checkClean(t *testing.T, dir string, names ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for i, entry := range entries {
		if i >= len(names) || entry.Name() != names[i] {
			t.Errorf("file %s was left behind", filepath.Join(dir, entry.Name()))
		}
	}
}
