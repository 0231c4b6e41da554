package main

import (
	"strings"
	"testing"
	"time"

	"capmoe/runtime/study"
)

// Where there is no terminal a run is a line once it has ended: how many are done, how
// long it took or why it failed, and what is to come.
func TestStudyProgress(t *testing.T) {
	gamma := 1.25
	run := study.Run{Cell: study.Cell{ID: "p4-drop", Ranks: 4, System: "drop", Gamma: &gamma}}
	for _, c := range []struct {
		rule string
		p    study.Progress
		want string
	}{
		{"a run that starts is silent", study.Progress{Run: run, Done: 2, Of: 9}, ""},
		{"a run that ended took a time", study.Progress{Run: run, Row: &study.Row{Elapsed: 2.34}, Done: 3, Of: 9, Left: 90 * time.Second}, "3 of 9: p4-drop: 2.3 s, 1m30s left\n"},
		{"a run that failed has a reason", study.Progress{Run: run, Row: &study.Row{Failure: "no luck"}, Done: 4, Of: 9, Failed: 2, Left: time.Second}, "4 of 9: p4-drop: no luck, 1s left, 2 failed\n"},
		{"the last one leaves nothing", study.Progress{Run: run, Row: &study.Row{Elapsed: 1}, Done: 9, Of: 9}, "9 of 9: p4-drop: 1.0 s\n"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			var out strings.Builder
			newStudyProgress(&out).update(c.p)
			if out.String() != c.want {
				t.Errorf("%q, want %q", out.String(), c.want)
			}
		})
	}
	if name := shortName(run.Cell); name != "P 4, drop γ 1.25" {
		t.Errorf("short name %q", name)
	}
}
