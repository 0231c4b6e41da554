package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"capmoe/runtime"
)

// findings is the JSON of doctor.
type findings struct {
	Findings []runtime.Finding `json:"findings"`
}

func (f findings) check(t *testing.T, ranks int) {
	t.Helper()
	for _, what := range []string{"ranks", "collectives", "kernels", "mixture", "cores", "memory"} {
		i := slices.IndexFunc(f.Findings, func(f runtime.Finding) bool { return f.What == what })
		if i < 0 {
			t.Errorf("nothing about %s", what)
			continue
		}
		if found := f.Findings[i]; found.Text == "" || !found.OK && (found.Fix == "" || what != "cores") {
			t.Errorf("%s: ok %v, %q, fix %q", what, found.OK, found.Text, found.Fix)
		}
	}
	checkContains(t, f.Findings[0].Text, fmt.Sprintf("%d on 1 host", ranks))
}

// All is well with this machine, but for the number of its cores.
func TestDoctor(t *testing.T) {
	for _, ranks := range []int{alone, 1, 2, 3} {
		t.Run(fmt.Sprintf("%d ranks", ranks), func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "doctor.json")
			out := capmoe(ranks, "doctor", "--json", path).output(t)
			var found findings
			readJSON(t, path, &found)
			found.check(t, max(1, ranks))
			for _, f := range found.Findings {
				checkContains(t, out, f.Text)
			}
		})
	}
}

// With --json - standard output is JSON and nothing else.
func TestDoctorToStandardOutput(t *testing.T) {
	for _, ranks := range []int{alone, 2} {
		parse[findings](t, capmoe(ranks, "doctor", "--json", "-").output(t)).check(t, max(1, ranks))
	}
}
