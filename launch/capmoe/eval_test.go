package main

import (
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"reflect"
	"testing"

	"capmoe/runtime"
)

// evaluate runs eval with --json - and reads its numbers.
func evaluate(t *testing.T, ranks int, flags ...string) runtime.EvaluationReport {
	t.Helper()
	args := append([]string{"eval", "--model", shippedModel, "--text", shippedText, "--json", "-"}, flags...)
	return parse[runtime.EvaluationReport](t, capmoe(ranks, args...).output(t))
}

// parse reads JSON.
func parse[T any](t *testing.T, text string) (v T) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v in:\n%s", err, abridged(text))
	}
	return v
}

// flips is how far a count may be off however small it is: two scores that are equal
// but for rounding change places, and with them a few tokens after them.
const flips = 10

// reference is the part of the shipped model's reference.json about the demo text.
type reference struct {
	Demo struct {
		MaxTokens int `json:"max_tokens"`
		Targets   int
		Cases     []struct {
			Name       string
			Flags      []string
			Perplexity float64
			runtime.Counts
		}
	}
}

// The perplexities that another implementation has computed, over the whole demo
// text and as many numbers of ranks.
func TestPerplexityEqualsReference(t *testing.T) {
	ranks := map[string]int{
		"dropless": alone, "g1.0.score": 1, "g1.0.reroute.r0": 2, "g0.5.reroute.r3": 3, "g1.25.first": 4,
	}
	var want reference
	readJSON(t, filepath.Join(shippedModel, "reference.json"), &want)
	tried := 0
	for _, c := range want.Demo.Cases {
		p, try := ranks[c.Name]
		if !try {
			continue
		}
		tried++
		t.Run(fmt.Sprintf("%s on %d ranks", c.Name, p), func(t *testing.T) {
			got := evaluate(t, p, append(c.Flags, "--max-tokens", fmt.Sprint(want.Demo.MaxTokens))...)
			tolerance := 1e-3
			if got.Policy == "dropless" {
				tolerance = 1e-4
			}
			if !near(got.Perplexity, c.Perplexity, tolerance) {
				t.Errorf("perplexity %v, want %v within %v", got.Perplexity, c.Perplexity, tolerance)
			}
			if got.Targets != want.Demo.Targets || got.Routed != c.Routed {
				t.Errorf("%d targets and %d pairs routed, want %d and %d", got.Targets, got.Routed, want.Demo.Targets, c.Routed)
			}
			for _, n := range []struct {
				what      string
				got, want int64
			}{
				{"pairs kept", got.Kept, c.Kept},
				{"pairs rerouted", got.Rerouted, c.Rerouted},
				{"tokens without any expert", got.TokensWithoutExpert, c.TokensWithoutExpert},
			} {
				if math.Abs(float64(n.got-n.want)) > max(1e-3*float64(n.want), flips) {
					t.Errorf("%d %s, want %d within 0.1 %%", n.got, n.what, n.want)
				}
			}
		})
	}
	if tried != len(ranks) {
		t.Errorf("%d of %d cases are in reference.json", tried, len(ranks))
	}
}

// near tells whether got is want but for a relative error.
func near(got, want, tolerance float64) bool { return math.Abs(got-want) <= tolerance*want }

// withoutLayout leaves out what depends on the number of ranks, or on the time.
func withoutLayout(r runtime.EvaluationReport) runtime.EvaluationReport {
	r.Ranks, r.Bytes, r.RankImbalanceBefore, r.RankImbalanceAfter = 0, runtime.Traffic{}, 0, 0
	r.Seconds, r.CriticalPath, r.MoESeconds, r.Wall = nil, 0, 0, 0
	r.RankSeconds, r.Attribution = nil, nil
	for i := range r.Layers {
		l := &r.Layers[i]
		l.RankLoadBefore, l.RankLoadAfter, l.RankImbalanceBefore, l.RankImbalanceAfter = nil, nil, 0, 0
		l.Bytes = runtime.Traffic{}
	}
	return r
}

// Whatever the number of ranks, which does not have to divide the 32 experts, a run
// has the same perplexity, bit for bit, and the same pairs and loads in every layer.
func TestEvalSameBitsOnAnyRanks(t *testing.T) {
	for _, flags := range [][]string{
		{"--policy", "dropless"},
		{"--policy", "drop", "--gamma", "1"},
		{"--policy", "reroute", "--gamma", "1"},
	} {
		t.Run(flags[1], func(t *testing.T) {
			flags := append(flags, "--max-tokens", "4096")
			want := withoutLayout(evaluate(t, 1, flags...))
			if want.Steps != 2 || want.Tokens != 4096 || want.Targets != 4080 || want.Kept == 0 || len(want.Layers) != 4 {
				t.Fatalf("%d steps, %d tokens, %d targets, %d pairs kept, %d layers", want.Steps, want.Tokens, want.Targets, want.Kept, len(want.Layers))
			}
			for _, ranks := range []int{2, 3, 4, 8} {
				got := evaluate(t, ranks, flags...)
				if got.Ranks != ranks {
					t.Errorf("the report says %d ranks, want %d", got.Ranks, ranks)
				}
				got = withoutLayout(got)
				if math.Float64bits(got.Perplexity) != math.Float64bits(want.Perplexity) {
					t.Errorf("perplexity %v on %d ranks, %v on one", got.Perplexity, ranks, want.Perplexity)
				}
				if !reflect.DeepEqual(got, want) {
					t.Errorf("on %d ranks:\n%+v\non one:\n%+v", ranks, got, want)
				}
			}
		})
	}
}

// Bytes and loads of the ranks add up to those of the pairs.
func TestEvalAddsUp(t *testing.T) {
	const hidden, ranks = 192, 3
	r := evaluate(t, ranks, "--max-tokens", "1000", "--policy", "drop", "--gamma", "1")
	if sum := r.Bytes.SameRank + r.Bytes.SameNode + r.Bytes.OtherNode; sum != r.Kept*hidden*4*2 {
		t.Errorf("%d bytes sent, want %d pairs × %d × 4 bytes, there and back", sum, r.Kept, hidden)
	}
	half := evaluate(t, ranks, "--max-tokens", "1000", "--policy", "drop", "--gamma", "1", "--dtype", "bf16")
	if sum := half.Bytes.SameRank + half.Bytes.SameNode + half.Bytes.OtherNode; sum != half.Kept*hidden*(2+4) {
		t.Errorf("bf16: %d bytes sent, want %d pairs × %d × 2 bytes there and 4 back", sum, half.Kept, hidden)
	}
	if r.Kept+r.Dropped != r.Routed || r.Routed != r.Tokens*4*int64(len(r.Layers)) {
		t.Errorf("%d tokens in %d layers: %d pairs kept, %d dropped of %d", r.Tokens, len(r.Layers), r.Kept, r.Dropped, r.Routed)
	}
	for _, l := range r.Layers {
		if len(l.RankLoadAfter) != ranks || sum(l.RankLoadAfter) != l.Kept || sum(l.ExpertLoadAfter) != l.Kept || sum(l.ExpertLoadBefore) != l.Routed {
			t.Errorf("layer %d: loads of %d ranks %v, of experts %v, pairs kept %d of %d", l.Layer, len(l.RankLoadAfter), l.RankLoadAfter, l.ExpertLoadAfter, l.Kept, l.Routed)
		}
	}
}

func sum(loads []int64) (n int64) {
	for _, v := range loads {
		n += v
	}
	return n
}

// The table for people shows what --json says, which goes to a file beside it.
func TestEvalTable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "eval.json")
	out := capmoe(2, "eval", "--model", shippedModel, "--text", shippedText, "--max-tokens", "512", "--gamma", "1.5", "--json", path).output(t)
	var r runtime.EvaluationReport
	readJSON(t, path, &r)
	for _, text := range []string{
		fmt.Sprintf("perplexity %.4f over 510 targets", r.Perplexity), "drop by probs, γ 1.5, scope global",
		fmt.Sprint(r.Routed), fmt.Sprint(r.Kept), "attention", "wall",
	} {
		checkContains(t, out, text)
	}
	checkClean(t, filepath.Dir(path), "eval.json")
}

// A report says of every budget what it was, to people and machines.
func TestBudgetsAreTold(t *testing.T) {
	replay := []string{"trace", "replay", "--synthetic", "zipf", "--steps", "1", "--step-tokens", "64", "--capacity-scope", "local"}
	for _, c := range []struct {
		flags []string
		text  string
		json  []string
	}{
		{[]string{"--gamma", "1.5"}, "drop by probs, γ 1.5, scope local", []string{`"capacity_factor": 1.5,`}},
		{[]string{"--moe-expert-rank-capacity-factor", "0.5"}, "drop by probs, rank γ 0.5, scope local", []string{`"capacity_factor": null,`, `"rank_capacity_factor": 0.5,`}},
		{[]string{"--gamma", "1", "--moe-expert-rank-capacity-factor", "2", "--moe-expert-node-capacity-factor", "3"}, "drop by probs, γ 1, rank γ 2, node γ 3, scope local",
			[]string{`"rank_capacity_factor": 2,`, `"node_capacity_factor": 3,`}},
	} {
		args := append(replay[:len(replay):len(replay)], c.flags...)
		checkContains(t, capmoe(alone, args...).output(t), c.text)
		report := capmoe(alone, append(args, "--json", "-")...).output(t)
		for _, text := range c.json {
			checkContains(t, report, text)
		}
	}
}
