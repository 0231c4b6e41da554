package main

import (
	"path/filepath"
	"testing"

	"capmoe/runtime"
)

// The straggler example runs five cases; its dropless column is what eval says.
func TestStraggler(t *testing.T) {
	const ranks, tokens = 2, "4096"
	path := filepath.Join(t.TempDir(), "straggler.json")
	out := job{program: "straggler", ranks: ranks, args: []string{"--model", shippedModel, "--text", shippedText, "--max-tokens", tokens, "--json", path}}.output(t)
	var table struct {
		Cases []struct {
			runtime.EvaluationReport
			Speedup *float64 `json:"moe_layer_speedup"`
			Bound   *float64 `json:"moe_layer_speedup_bound"`
		}
	}
	readJSON(t, path, &table)
	if len(table.Cases) != 5 {
		t.Fatalf("%d cases, want 5", len(table.Cases))
	}
	for i, c := range table.Cases {
		if c.Ranks != ranks || c.Tokens != 4096 || c.Targets != 4080 || len(c.Layers) != 4 || c.Kept == 0 || c.MoESeconds <= 0 {
			t.Errorf("case %d: %d ranks, %d tokens, %d targets, %d layers, %d pairs kept, %v s", i, c.Ranks, c.Tokens, c.Targets, len(c.Layers), c.Kept, c.MoESeconds)
		}
		if c.Speedup == nil || c.Bound == nil || *c.Speedup <= 0 || *c.Bound <= 0 {
			t.Errorf("case %d: speed-up %v, bound %v", i, c.Speedup, c.Bound)
		}
	}
	dropless := table.Cases[0]
	if dropless.Policy != "dropless" || *dropless.Speedup != 1 || *dropless.Bound != 1 {
		t.Errorf("first case %s, speed-up %v, bound %v", dropless.Policy, *dropless.Speedup, *dropless.Bound)
	}
	if want := evaluate(t, ranks, "--max-tokens", tokens); dropless.Perplexity != want.Perplexity || dropless.Kept != want.Kept {
		t.Errorf("perplexity %v with %d pairs, eval says %v with %d", dropless.Perplexity, dropless.Kept, want.Perplexity, want.Kept)
	}
	for _, text := range []string{"perplexity", "dropless", "drop γ=1.0", "reroute γ=1.5", "rank load max/mean", "What you see: 2 MPI ranks"} {
		checkContains(t, out, text)
	}
}
