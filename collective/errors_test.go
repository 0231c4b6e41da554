package collective

import (
	"slices"
	"testing"
	"time"
)

func TestDeadlineErrorText(t *testing.T) {
	many := make([]Late, 10)
	for i := range many {
		many[i].Rank = i
	}
	for rule, test := range map[string]struct {
		late    []Late
		want    string
		missing []int
	}{
		"a rank that was not there":        {[]Late{{Rank: 2, Host: "node03"}}, "rank 2 (node03) has not entered alltoallv #412 after 1m0s", []int{2}},
		"no host in one process":           {[]Late{{Rank: 2}}, "rank 2 has not entered alltoallv #412 after 1m0s", []int{2}},
		"a rank that waits elsewhere":      {[]Late{{Rank: 2, Waits: "bcast #412"}}, "rank 2 has not entered alltoallv #412 but waits in bcast #412 after 1m0s", []int{2}},
		"a rank that waits here too":       {[]Late{{Rank: 0, Entered: true, Waits: "alltoallv #412"}}, "rank 0 is in alltoallv #412 too but its data has not come after 1m0s", nil},
		"a rank that is past it":           {[]Late{{Rank: 0, Entered: true}}, "rank 0 is past alltoallv #412 after 1m0s", nil},
		"a rank that waits further on":     {[]Late{{Rank: 0, Entered: true, Waits: "barrier #413"}}, "rank 0 is past alltoallv #412 and waits in barrier #413 after 1m0s", nil},
		"those that were not there first":  {[]Late{{Rank: 0, Entered: true}, {Rank: 1}}, "rank 1 has not entered alltoallv #412, rank 0 is past alltoallv #412 after 1m0s", []int{1}},
		"those that wait elsewhere second": {[]Late{{Rank: 0, Waits: "win_wait #9"}, {Rank: 1}}, "rank 1 has not entered alltoallv #412, rank 0 has not entered alltoallv #412 but waits in win_wait #9 after 1m0s", []int{0, 1}},
		"nobody to blame":                  {nil, "alltoallv #412 is not complete after 1m0s", nil},
		"only the first of many are named": {many, "rank 0 has not entered alltoallv #412, rank 1 has not entered alltoallv #412, rank 2 has not entered alltoallv #412, rank 3 has not entered alltoallv #412, rank 4 has not entered alltoallv #412, rank 5 has not entered alltoallv #412, rank 6 has not entered alltoallv #412, rank 7 has not entered alltoallv #412, and 2 more after 1m0s", []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}},
	} {
		t.Run(rule, func(t *testing.T) {
			e := &DeadlineError{Op: "alltoallv", Seq: 412, After: time.Minute, Late: test.late}
			if got := e.Error(); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
			if got := e.Missing(); !slices.Equal(got, test.missing) {
				t.Errorf("missing %v, want %v", got, test.missing)
			}
		})
	}
}

func TestFellowVictimsAreAcquitted(t *testing.T) {
	victim := Late{Rank: 0, Entered: true, Waits: "barrier #3"}
	past := Late{Rank: 1, Entered: true}
	missing := Late{Rank: 2}
	for rule, test := range map[string]struct{ late, want []Late }{
		"when a rank is missing":       {[]Late{victim, past, missing}, []Late{past, missing}},
		"not when everyone is present": {[]Late{victim, past}, []Late{victim, past}},
	} {
		e := &DeadlineError{Op: "barrier", Seq: 3, Late: slices.Clone(test.late)}
		if e.acquit(); !slices.Equal(e.Late, test.want) {
			t.Errorf("%s: %+v, want %+v", rule, e.Late, test.want)
		}
	}
}
