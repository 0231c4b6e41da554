package runtime

import (
	"math"
	"path/filepath"
	"slices"
	"testing"

	"capmoe/collective"
	"capmoe/layers"
	"capmoe/layers/capacity"
)

// Perplexities that the paper's own selection code gave on held-out tokens of the tiny
// model's training domains: every policy at γ = 1, with and without renormalisation.
// The reference of expanded_ranksR has the experts of R ranks in blocks; so has ours.
func TestPerplexityEqualsReference(t *testing.T) {
	dir := filepath.Join(developmentData(t), "models", "tiny-olmoe")
	ids, _ := openTensors(t, filepath.Join(dir, "eval_tokens.safetensors")).ints("input_ids")
	var reference struct {
		Capacity []struct {
			Gamma      float64
			Policy     string
			Rounds     int
			Renorm     bool
			Perplexity float64 `json:"ppl"`
			Pairs      float64 `json:"pairs_per_token"`
		}
	}
	readJSON(t, filepath.Join(dir, "reference.json"), &reference)
	policies := map[string]capacity.Config{
		"score":           {Policy: capacity.Drop},
		"first":           {Policy: capacity.Drop, Order: capacity.Position},
		"last":            {Policy: capacity.Drop, Order: capacity.Last},
		"reroute":         {Policy: capacity.Reroute},
		"overselect":      {Policy: capacity.Expanded, Extra: capacity.Extra{Kind: capacity.AllExperts}},
		"expanded_ranks4": {Policy: capacity.Expanded},
		"expanded_ranks8": {Policy: capacity.Expanded},
	}
	for _, c := range reference.Capacity {
		policy, ours := policies[c.Policy]
		if !ours || c.Gamma != 1 {
			continue
		}
		policy.Expert, policy.Rounds = capacity.Times(c.Gamma), c.Rounds
		if c.Renorm {
			policy.Renormalize = capacity.UnitMass
		}
		ranks := 4
		if c.Policy == "expanded_ranks8" {
			ranks = 8
		}
		got := evaluateIDs(t, ranks, policy, ids)
		if math.Abs(got.Perplexity/c.Perplexity-1) > 1e-3 {
			t.Errorf("%s, renormalised %v: perplexity %v, reference %v", c.Policy, c.Renorm, got.Perplexity, c.Perplexity)
		}
		layersOf := float64(len(got.Layers))
		if pairs := float64(got.Kept) / float64(got.Tokens) / layersOf; math.Abs(pairs-c.Pairs) > 1e-3*c.Pairs {
			t.Errorf("%s, renormalised %v: %v pairs a token, reference %v", c.Policy, c.Renorm, pairs, c.Pairs)
		}
	}
}

func evaluateIDs(t *testing.T, ranks int, policy capacity.Config, ids []int32) *EvaluationReport {
	t.Helper()
	var report *EvaluationReport
	err := collective.Run(ranks, collective.Options{}, func(c collective.Communicator) error {
		e, err := Load(Process{Comm: c, Hosts: slices.Repeat([]string{"host"}, ranks), Threads: 1}, tinyModel, LoadOptions{})
		if err != nil {
			return err
		}
		if err := e.Use(Routing{Dialect: layers.Dialect{Policy: policy}}); err != nil {
			return err
		}
		r, err := e.Evaluate(ids, Evaluation{Window: 256, Batch: 8}, func(int, int) {})
		if c.Rank() == 0 {
			report = r
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return report
}
