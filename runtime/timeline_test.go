package runtime

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"capmoe/collective"
	"capmoe/layers"
)

// timelineFile is what a viewer reads.
type timelineFile struct {
	TraceEvents []struct {
		Name, Ph, Cat string
		Ts            *float64
		Dur           *float64
		PID, TID      *int
		Args          map[string]any
	} `json:"traceEvents"`
}

// readTimeline parses a timeline and checks what the format asks of every event.
func readTimeline(t *testing.T, path string) timelineFile {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var f timelineFile
	if err := json.Unmarshal(text, &f); err != nil {
		t.Fatal(err)
	}
	for i, e := range f.TraceEvents {
		if e.Name == "" || e.PID == nil || e.TID == nil || e.Ts == nil || *e.Ts < 0 || (e.Ph == "X") != (e.Dur != nil) || e.Dur != nil && *e.Dur < 0 || !slices.Contains([]string{"X", "C", "M"}, e.Ph) {
			t.Fatalf("event %d: %+v", i, e)
		}
	}
	return f
}

func TestTimelineHasEveryPhaseOfEveryRank(t *testing.T) {
	const ranks = 3
	path := filepath.Join(t.TempDir(), "timeline.json")
	err := collective.Run(ranks, collective.Options{}, func(c collective.Communicator) error {
		p := Process{Comm: c, Hosts: slices.Repeat([]string{"host"}, ranks), Threads: 1}
		timeline, err := StartTimeline(p, path)
		if err != nil {
			return err
		}
		defer timeline.Discard()
		if _, err := RunReplay(p, Replay{Open: madeOf(smallTrace), Shape: &LayerShape{Hidden: 16, Inner: 8}, Timeline: timeline}, func(int, int) {}); err != nil {
			return err
		}
		return timeline.Finish()
	})
	if err != nil {
		t.Fatal(err)
	}
	seen, pairs := map[string]int{}, 0.0
	end := make([]float64, ranks)
	for _, e := range readTimeline(t, path).TraceEvents {
		switch e.Ph {
		case "X":
			seen[fmt.Sprintf("%d %v %v %s", *e.PID, e.Args["step"], e.Args["layer"], e.Name)]++
			if *e.Ts < end[*e.PID]-1e-3 {
				t.Errorf("rank %d: %s begins at %v, the phase before ends at %v", *e.PID, e.Name, *e.Ts, end[*e.PID])
			}
			end[*e.PID] = *e.Ts + *e.Dur
			if inMixture := e.Name != "embed"; (e.Cat == "mixture") != inMixture {
				t.Errorf("%s has category %q", e.Name, e.Cat)
			}
		case "C":
			pairs += e.Args["pairs"].(float64)
		case "M":
			if name, ok := e.Args["name"].(string); ok && name != fmt.Sprintf("rank %d (host)", *e.PID) {
				t.Errorf("process %d is called %q", *e.PID, name)
			}
		}
	}
	if want := 3 * 96 * 3 * 2; int(pairs) != want {
		t.Errorf("counters add up to %v pairs, want %d", pairs, want)
	}
	for rank := range ranks {
		for step := range 3 {
			for layer := range 2 {
				for p := layers.Route; p <= layers.Combine; p++ {
					if key := fmt.Sprintf("%d %d %d %v", rank, step, layer, p); seen[key] != 1 {
						t.Errorf("%d events of rank, step, layer, phase %s, want 1", seen[key], key)
					}
				}
			}
		}
	}
}

// A timeline follows an evaluation from attention to head.
func TestTimelineOfAnEvaluation(t *testing.T) {
	path := filepath.Join(t.TempDir(), "timeline.json")
	var timelines [2]*Timeline
	evaluateOn(t, 2, Routing{}, func(e *Engine, _ [][]int32) error {
		timeline, err := StartTimeline(e.proc, path)
		timelines[e.proc.Comm.Rank()] = timeline
		e.Follow(timeline)
		return err
	})
	err := collective.Run(2, collective.Options{}, func(c collective.Communicator) error {
		timeline := timelines[c.Rank()]
		timeline.proc.Comm = c
		return timeline.Finish()
	})
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for _, e := range readTimeline(t, path).TraceEvents {
		count[e.Name]++
	}
	for name, want := range map[string]int{"embed": 2 * 2, "head": 2 * 2, "attention": 2 * 2 * 4, "expert": 2 * 2 * 4, "pairs computed": 2 * 2 * 4, "process_name": 2} {
		if count[name] != want {
			t.Errorf("%d events %s, want %d", count[name], name, want)
		}
	}
}

func TestTimelineFaults(t *testing.T) {
	for path, want := range map[string]string{"/missing/t.json": "no such file", "/dev/full": "no space left"} {
		err := collective.Run(2, collective.Options{}, func(c collective.Communicator) error {
			timeline, err := StartTimeline(Process{Comm: c, Hosts: []string{"a", "b"}}, path)
			if err != nil {
				return err
			}
			defer timeline.Discard()
			return timeline.Finish()
		})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: error %v, want %q", path, err, want)
		}
	}
}
