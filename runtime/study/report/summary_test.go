package report

import (
	"strings"
	"testing"

	"capmoe/runtime/study"
)

// TestSummary: what the words say of grids whose numbers are known.
func TestSummary(t *testing.T) {
	// cell is a cell of one repeat: its mixture's seconds and perplexity.
	cell := func(system string, gamma float64, repeat int, seconds, perplexity float64) string {
		return rowOf(t, func(c *study.Cell, row, r map[string]any) {
			c.System, c.Gamma = system, nil
			if gamma > 0 {
				c.Gamma = &gamma
			}
			c.ID = system + factor(c.Gamma)
			row["repeat"], r["moe_layer_seconds"], r["perplexity"] = repeat, seconds, perplexity
		})
	}
	for _, c := range []struct {
		rule  string
		lines []string
		want  []string
		not   []string
	}{
		{"the fastest is named, with what it costs", []string{cell("dropless", 0, 0, 2, 10), cell("drop", 1, 0, 1, 11)},
			[]string{"Fastest on 2 ranks: drop γ 1, MoE layer 2.00 times as fast as dropless, losing 10 % of the gate mass; perplexity 11.000, +10.0 %."}, nil},
		{"a cheap one is named apart", []string{cell("dropless", 0, 0, 2, 10), cell("drop", 1, 0, 1, 11), cell("drop", 2, 0, 1.6, 10.05)},
			[]string{"Fastest within 1 % of perplexity: drop γ 2, 1.25 times as fast, perplexity +0.50 %."}, []string{"Fastest within 5 %"}},
		{"none is named that is not faster", []string{cell("dropless", 0, 0, 2, 10), cell("drop", 2, 0, 2.5, 10.05)},
			[]string{"No system with a capacity is faster than dropless on 2 ranks; the nearest is drop γ 2, MoE layer 0.80 times as fast"}, []string{"Fastest", "Within"}},
		{"what is fast may cost too much", []string{cell("dropless", 0, 0, 2, 10), cell("drop", 1, 0, 1, 12)},
			[]string{"Within 1 % of perplexity no capped system is faster than dropless."}, []string{"Fastest within"}},
		{"one factor is one", []string{cell("dropless", 0, 0, 2, 10), cell("drop", 1, 0, 1, 12)}, []string{", capacity factor γ 1; "}, nil},
		{"where all failed there are no numbers", []string{rowOf(t, func(_ *study.Cell, row, _ map[string]any) { row["failure"] = "x" })}, []string{"drop: every run failed."}, []string{"on "}},
		{"repeats that overlap say so", []string{cell("dropless", 0, 0, 2, 10), cell("dropless", 0, 1, 4, 10), cell("drop", 1, 0, 1.5, 10), cell("drop", 1, 1, 3, 10)},
			[]string{"1.33 times as fast as dropless (within the repeats' spread of 0.67 to 2.67: no difference shown)"}, nil},
		{"rivals are counted", []string{cell("dropless", 0, 0, 2, 10), cell("drop", 1, 0, 1, 11), cell("drop", 1, 1, 1.2, 11), cell("reroute", 1, 0, 1.1, 11), cell("reroute", 1, 1, 1.3, 11)},
			[]string{"The intervals of 1 other cell overlap its own: which is fastest is not certain."}, nil},
		{"without a reference there is no speed-up", []string{cell("drop", 1, 0, 1, 11)},
			[]string{"There is no dropless run on 2 ranks to compare with, so no speed-up is given."}, []string{"Fastest"}},
		{"a remedy can be done", []string{rowOf(t, saving("perfect balance", 4, "equal hardware", 3, "placement eplb", 2, "drop γ=1", 1))},
			[]string{"placement eplb would have saved 15625.00 seconds per million tokens"}, []string{"perfect balance", "equal hardware"}},
		{"limits alone are no remedy", []string{rowOf(t, saving("perfect balance", 4, "equal hardware", 3))},
			[]string{"named most is rank 1."}, []string{"would have saved"}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			var text string
			for _, p := range compose("x", parsed(t, c.lines...)).Summary {
				text += strings.Join(p.Sentences, "\n") + "\n"
			}
			for _, want := range c.want {
				if !strings.Contains(text, want) {
					t.Errorf("%q is not in:\n%s", want, text)
				}
			}
			for _, not := range c.not {
				if strings.Contains(text, not) {
					t.Errorf("%q is in:\n%s", not, text)
				}
			}
		})
	}
}

// saving is an attribution with these counterfactuals, name and seconds in turn.
func saving(what ...any) edit {
	var tried []map[string]any
	for i := 0; i < len(what); i += 2 {
		tried = append(tried, map[string]any{"what": what[i], "saved_seconds": what[i+1]})
	}
	return func(_ *study.Cell, _, r map[string]any) {
		r["attribution"] = map[string]any{"slowest_rank": 1, "seconds": map[string]any{"token_imbalance": 1}, "counterfactual": tried}
	}
}
