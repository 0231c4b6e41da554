package runtime

import (
	"testing"

	"capmoe/collective"
	"capmoe/layers"
	"capmoe/layers/capacity"
)

// The report says in how many chunks rows travelled, and, where that was found out, what each took.
func TestReportOfOverlap(t *testing.T) {
	long := smallTrace
	long.Steps = 17
	for _, test := range []struct {
		rule     string
		hosts    []string
		chunks   int
		want     int // 0: any
		measured int // numbers of chunks
	}{
		{"on two nodes it is measured", []string{"a", "b"}, 0, 0, 4},
		{"on two nodes it is as told", []string{"a", "b"}, 4, 4, 0},
	} {
		t.Run(test.rule, func(t *testing.T) {
			job := Replay{
				Open: madeOf(long), Routing: Routing{Dialect: layers.Dialect{Policy: capacity.Config{Policy: capacity.Drop, Expert: capacity.Times(1)}}, Overlap: test.chunks},
				Shape: &LayerShape{Hidden: 16, Inner: 8},
			}
			r := overlapOn(t, test.hosts, job)
			if len(r) == 0 {
				t.Fatal("nothing is said of overlap")
			}
			if o := r[len(r)-1]; o.Degree == 0 || test.want > 0 && o.Degree != test.want || len(o.Times) != test.measured {
				t.Errorf("%+v, want %d chunks, %d times", o, test.want, test.measured)
			}
		})
	}
	t.Run("on one node there is none", func(t *testing.T) {
		if r := overlapOn(t, []string{"a", "a"}, Replay{Open: madeOf(smallTrace), Shape: &LayerShape{Hidden: 16, Inner: 8}}); len(r) > 0 {
			t.Errorf("%+v", r)
		}
	})
}

func overlapOn(t *testing.T, hosts []string, job Replay) (choices []layers.OverlapChoice) {
	t.Helper()
	err := collective.Run(len(hosts), collective.Options{}, func(c collective.Communicator) error {
		r, err := RunReplay(Process{Comm: c, Hosts: hosts, Threads: 1}, job, func(int, int) {})
		if err == nil && c.Rank() == 0 {
			choices = r.Overlap
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return choices
}
