package runtime

import (
	"math"
	"slices"
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
