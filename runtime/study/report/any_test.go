package report

import (
	"fmt"
	"strings"
	"testing"

	"capmoe/runtime/study"

	"pgregory.net/rapid"
)

// TestAnyGrid: whatever the grid and its numbers, there is a page without a number that
// is none.
func TestAnyGrid(t *testing.T) {
	edge := []float64{0, 1e-30, 1e-6, 0.5, 1, 1, 2, 3, 1e6, 1e99}
	rapid.Check(t, func(rt *rapid.T) {
		number := func(name string) float64 { return rapid.SampledFrom(edge).Draw(rt, name) }
		var lines []string
		for i := range rapid.IntRange(1, 12).Draw(rt, "cells") {
			lines = append(lines, rowOf(t, func(c *study.Cell, row, r map[string]any) {
				c.ID = fmt.Sprint(i)
				c.Scaling = rapid.SampledFrom([]string{"", "strong", "weak"}).Draw(rt, "scaling")
				c.Ranks = rapid.SampledFrom([]int{1, 2, 3, 1 << 40}).Draw(rt, "ranks")
				c.System = rapid.SampledFrom([]string{"dropless", "drop", "reroute", "megatron-alltoall", "eplb", strings.Repeat("long ", 20)}).Draw(rt, "system")
				c.Scope = rapid.SampledFrom([]string{"", "global", "local"}).Draw(rt, "scope")
				c.Model = rapid.SampledFrom([]string{"", "m"}).Draw(rt, "model")
				c.Gamma = nil
				if g := number("gamma"); g > 0 {
					c.Gamma = &g
				}
				r["ranks"] = c.Ranks
				for _, name := range []string{"critical_path_seconds", "moe_layer_seconds", "wall_seconds", "rank_load_max_over_mean_after", "expert_load_max_over_mean_before"} {
					r[name] = number(name)
				}
				r["gate_mass_lost"] = min(1, number("mass"))
				r["perplexity"] = max(1, number("perplexity"))
				r["seconds"] = map[string]any{"expert": number("expert"), "odd": number("odd")}
				if rapid.Bool().Draw(rt, "attributed") {
					r["attribution"] = map[string]any{"slowest_rank": 1, "seconds": map[string]any{"wire": number("wire"), "token_imbalance": -number("imbalance")}}
				}
				if rapid.IntRange(0, 5).Draw(rt, "fails") == 0 {
					row["failure"] = "x"
				}
			}))
		}
		rep := compose("x", parsed(t, lines...))
		images, err := rep.render()
		if err != nil {
			rt.Fatal(err)
		}
		page, err := rep.HTML(images)
		if err != nil {
			rt.Fatal(err)
		}
		for _, odd := range []string{"NaN", "Inf", "%!"} {
			if strings.Contains(string(page), odd) {
				rt.Fatalf("%s is in the page", odd)
			}
		}
	})
}
