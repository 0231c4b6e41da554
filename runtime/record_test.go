package runtime

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"capmoe/collective"
	"capmoe/layers/capacity"
	"capmoe/runtime/trace"
)

// recordOn records the tiny model's routing of a text on in-process ranks.
func recordOn(ranks int, job Recording, path string) error {
	return collective.Run(ranks, collective.Options{}, func(c collective.Communicator) error {
		e, err := Load(Process{Comm: c, Hosts: slices.Repeat([]string{"host"}, ranks), Threads: 1}, tinyModel, LoadOptions{})
		if err != nil {
			return err
		}
		ids, err := e.ReadText("../examples/text/valid.txt")
		if err != nil {
			return err
		}
		_, err = e.Record(ids, job, path, func(int, int) {})
		return err
	})
}

var smallRecording = Recording{Evaluation: Evaluation{Window: 64, Batch: 4, MaxTokens: 300}, Text: "valid.txt"}

// The file is the same for any number of ranks, more than there are windows in a step
// among them.
func TestRecordingDoesNotDependOnRanks(t *testing.T) {
	for _, top := range []int{0, 5} {
		job := smallRecording
		job.Top = top
		var want []byte
		for _, ranks := range []int{1, 2, 3, 8} {
			path := filepath.Join(t.TempDir(), "t.routing")
			if err := recordOn(ranks, job, path); err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if want == nil {
				want = got
			}
			if !bytes.Equal(got, want) {
				t.Errorf("P=%d, top %d: another file than on one rank", ranks, top)
			}
		}
	}
}

// A replay of the recording, in the recorded steps, is what the model does: in the first
// layer under any policy, dropless in all.
func TestReplayOfARecordingIsTheRun(t *testing.T) {
	path := filepath.Join(t.TempDir(), "t.routing")
	job := smallRecording
	job.MaxTokens = 512
	if err := recordOn(2, job, path); err != nil {
		t.Fatal(err)
	}
	for _, routing := range []Routing{
		{},
		policyRouting(capacity.Config{Policy: capacity.Drop, Expert: capacity.Times(1)}),
		policyRouting(capacity.Config{Policy: capacity.Reroute, Expert: capacity.Times(1)}),
	} {
		run := evaluateOn(t, 2, routing, func(*Engine, [][]int32) error { return nil })
		again := mustReplay(t, 3, Replay{Routing: routing, Open: func() (trace.Stream, error) { return trace.Open(path, trace.Hints{}) }})
		for i, l := range again.Layers {
			want := run.Layers[i]
			if same := slices.Equal(l.ExpertLoadBefore, want.ExpertLoadBefore) && slices.Equal(l.ExpertLoadAfter, want.ExpertLoadAfter) && l.Counts == want.Counts; !same {
				t.Errorf("policy %v, layer %d: %+v, the run %+v", routing.Policy.Policy, i, l.Counts, want.Counts)
			}
			if routing.Policy.Policy != capacity.Dropless {
				break
			}
		}
	}
}

func TestRecordFaults(t *testing.T) {
	for _, c := range []struct {
		rule, path string
		change     func(*Recording)
		want       string
	}{
		{"M is at least K", "t.routing", func(r *Recording) { r.Top = 3 }, "scores of 3 experts a token, want top k 4 to the 32 experts"},
		{"M is at most E", "t.routing", func(r *Recording) { r.Top = 33 }, "scores of 33 experts a token"},
		{"windows fit the model", "t.routing", func(r *Recording) { r.Window = 1 << 20 }, "window of 1048576 tokens"},
		{"the folder is there", "missing/t.routing", func(*Recording) {}, "no such file"},
		{"a disk may be full", "/dev/full", func(*Recording) {}, "no space left"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			dir, job := t.TempDir(), smallRecording
			c.change(&job)
			if !filepath.IsAbs(c.path) {
				c.path = filepath.Join(dir, c.path)
			}
			if err := recordOn(2, job, c.path); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
			if left, _ := os.ReadDir(dir); len(left) > 0 {
				t.Errorf("%s was left behind", left[0].Name())
			}
		})
	}
}
