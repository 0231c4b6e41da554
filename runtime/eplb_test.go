package runtime

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"capmoe/collective"
)

const tinyModel = "../examples/tiny-olmoe"

// evaluateOn runs an evaluation of the tiny model on in-process ranks; prepare may
// change the engine before it is used.
func evaluateOn(t *testing.T, ranks int, routing Routing, prepare func(*Engine, [][]int32) error) *EvaluationReport {
	t.Helper()
	var report *EvaluationReport
	v := Evaluation{Window: 64, Batch: 4, MaxTokens: 512}
	err := collective.Run(ranks, collective.Options{}, func(c collective.Communicator) error {
		e, err := Load(Process{Comm: c, Hosts: slices.Repeat([]string{"host"}, ranks), Threads: 1}, tinyModel, LoadOptions{})
		if err != nil {
			return err
		}
		ids, err := e.ReadText("../examples/text/valid.txt")
		if err != nil {
			return err
		}
		if err := prepare(e, v.FirstStep(ids)); err != nil {
			return err
		}
		if err := e.Use(routing); err != nil {
			return err
		}
		r, err := e.Evaluate(ids, v, func(int, int) {})
		if c.Rank() == 0 {
			report = r
		}
		return err
	})
	if err != nil {
		t.Fatalf("P=%d: %v", ranks, err)
	}
	return report
}

func TestReplicatedExpertsChangeNoBit(t *testing.T) {
	asIs := evaluateOn(t, 1, Routing{}, func(*Engine, [][]int32) error { return nil })
	for _, redundant := range []int{0, 5, 12} {
		balanced := evaluateOn(t, 4, Routing{Baseline: "eplb"}, func(e *Engine, first [][]int32) error {
			loads, err := e.Measure(first)
			if err != nil {
				return err
			}
			return e.Rebalance(loads, redundant)
		})
		if math.Float64bits(asIs.Perplexity) != math.Float64bits(balanced.Perplexity) {
			t.Errorf("%d redundant experts on 4 ranks: perplexity %v, on one rank %v", redundant, balanced.Perplexity, asIs.Perplexity)
		}
		if redundant == 12 && balanced.RankImbalanceAfter >= balanced.RankImbalanceBefore {
			t.Errorf("rank load max/mean %v with replicas, %v without", balanced.RankImbalanceAfter, balanced.RankImbalanceBefore)
		}
	}
}

func TestTooManyReplicasAreRefused(t *testing.T) {
	err := collective.Run(2, collective.Options{}, func(c collective.Communicator) error {
		e, err := Load(Process{Comm: c, Hosts: []string{"a", "a"}, Threads: 1}, tinyModel, LoadOptions{})
		if err != nil {
			return err
		}
		return e.Rebalance(make([][]int64, 4), 33)
	})
	if err == nil {
		t.Fatal("33 replicas of 32 experts on 2 ranks were accepted")
	}
}

// The report of a run gives back its loads, for the layers that have experts.
func TestReportsGiveTheirLoads(t *testing.T) {
	m := newMade(t, 41, madeDeepSeek)
	m.fill()
	path := filepath.Join(t.TempDir(), "report.json")
	ids := m.text(64)
	v := Evaluation{Window: 32, Batch: 2}
	onEngines(t, m.write(), 2, func(e *Engine) error {
		if err := e.Use(Routing{}); err != nil {
			return err
		}
		report, err := e.Evaluate(ids, v, func(int, int) {})
		if err != nil {
			return err
		}
		if e.proc.Comm.Rank() == 0 {
			writeJSON(t, path, report)
		}
		read, err := e.ReadLoads(path)
		if err != nil {
			return err
		}
		measured, err := e.Measure(v.FirstStep(ids))
		if err != nil {
			return err
		}
		for l := range measured {
			if !slices.Equal(read[l], measured[l]) {
				t.Errorf("layer %d: loads %v in the report, measured %v", l, read[l], measured[l])
			}
		}
		return nil
	})
}

func TestLoadsFaults(t *testing.T) {
	for _, c := range []struct{ rule, text, fault string }{
		{"a report is an object", `[]`, "array, want the report of a run"},
		{"all layers have loads", `{"layers": [{"layer": 1, "expert_load_before": [1, 2]}]}`, "has 1 entries, 2 layers have experts"},
		{"layers are the model's", `{"layers": [{"layer": 2, "expert_load_before": [1, 2]}, {"layer": 1, "expert_load_before": [1, 2]}]}`, "entry 0 is layer 2, want layer 1"},
		{"all experts have loads", `{"layers": [{"layer": 1, "expert_load_before": [1, 2]}, {"layer": 2, "expert_load_before": [1]}]}`, "layer 2: field \"expert_load_before\" has 1 entries, the model 2 experts"},
		{"a load is not negative", `{"layers": [{"layer": 1, "expert_load_before": [1, -2]}, {"layer": 2, "expert_load_before": [1, 2]}]}`, "layer 1: field \"expert_load_before\" is -2 for expert 1, want 0 or more"},
	} {
		path := filepath.Join(t.TempDir(), "report.json")
		if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := readLoads(make([]int64, 3*2), path, []int{1, 2}, 2); err == nil || !strings.Contains(err.Error(), path+": ") || !strings.Contains(err.Error(), c.fault) {
			t.Errorf("%s: %v, want %s: … %s", c.rule, err, path, c.fault)
		}
	}
}
