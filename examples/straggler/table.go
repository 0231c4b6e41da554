package main

import (
	"fmt"
	"io"

	"capmoe/launch/output"
	"capmoe/layers"
	"capmoe/runtime"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// results are the cases, dropless first.
type results struct {
	Cases []row `json:"cases"`
}

func newResults(reports []*runtime.EvaluationReport) (r results) {
	for _, report := range reports {
		r.Cases = append(r.Cases, newRow(report, r.Cases))
	}
	return r
}

// row is one case: its report, and how it compares with dropless.
type row struct {
	*runtime.EvaluationReport
	// Speedup is the mixture's seconds on the critical path, dropless over this case.
	Speedup float64 `json:"moe_layer_speedup"`
	// Bound is what removing the imbalance of the ranks alone can give: the most
	// loaded rank's pairs, dropless over this case.
	Bound float64 `json:"moe_layer_speedup_bound"`
}

// newRow compares a report with the first of the rows before it, or with itself.
func newRow(r *runtime.EvaluationReport, before []row) row {
	base := r
	if len(before) > 0 {
		base = before[0].EvaluationReport
	}
	return row{EvaluationReport: r, Speedup: base.MoESeconds / r.MoESeconds, Bound: slowest(base) / slowest(r)}
}

// slowest is the mean load of the most loaded rank, in pairs per token.
func slowest(r *runtime.EvaluationReport) float64 {
	return r.RankImbalanceAfter * float64(r.Kept) / float64(max(1, r.Tokens))
}

func printTable(w io.Writer, rows []row, crowded bool) {
	t := output.NewTable(w)
	header, columns := table.Row{""}, []table.ColumnConfig{}
	for i, r := range rows {
		name := r.Policy
		if r.Factor != nil {
			name += fmt.Sprintf(" γ=%.1f", *r.Factor)
		}
		header = append(header, name)
		columns = append(columns, table.ColumnConfig{Number: i + 2, Align: text.AlignRight, AlignHeader: text.AlignRight})
	}
	t.AppendHeader(header)
	t.SetColumnConfigs(columns)
	line := func(name string, value func(row) string) {
		cells := table.Row{name}
		for _, r := range rows {
			cells = append(cells, value(r))
		}
		t.AppendRow(cells)
	}
	line("perplexity", func(r row) string { return fmt.Sprintf("%.3f", r.Perplexity) })
	line("pairs kept", func(r row) string { return share(r.Kept, r.Routed) })
	line("pairs rerouted", func(r row) string { return share(r.Rerouted, r.Routed) })
	line("pairs dropped", func(r row) string { return share(r.Dropped, r.Routed) })
	line("lost gate mass", func(r row) string { return fmt.Sprintf("%.4f", r.GateMassLost) })
	line("expert load max/mean", func(r row) string { return change(r.ExpertImbalanceBefore, r.ExpertImbalanceAfter) })
	line("rank load max/mean", func(r row) string { return change(r.RankImbalanceBefore, r.RankImbalanceAfter) })
	for p := layers.Attention; p < layers.Phases; p++ {
		line(p.String()+" s", func(r row) string { return fmt.Sprintf("%.3f", r.Seconds[p.String()]) })
	}
	line("MoE layer s", func(r row) string { return fmt.Sprintf("%.3f", r.MoESeconds) })
	line("MoE layer speed-up", func(r row) string { return fmt.Sprintf("%.2f×", r.Speedup) })
	line("  bound by rank load", func(r row) string { return fmt.Sprintf("%.2f×", r.Bound) })
	t.Render()
	explain(w, rows, crowded)
}

func share(part, whole int64) string {
	return fmt.Sprintf("%.1f %%", 100*float64(part)/float64(max(1, whole)))
}

func change(before, after float64) string { return fmt.Sprintf("%.2f→%.2f", before, after) }

// explain says in plain words what the table shows.
func explain(w io.Writer, rows []row, crowded bool) {
	base := rows[0]
	fmt.Fprintf(w, `
What you see: %d MPI ranks, each owning a share of the experts, ran %d tokens, %d to a step, through %s.
A layer is done when its slowest rank is. Without a capacity (dropless) the busiest expert got %.1f times, and the
busiest rank %.2f times, the mean number of tokens. A capacity of γ × the mean, agreed by all ranks before any row
moved, caps both. drop leaves the overflow out; reroute offers it to each token's next best experts with room.
`, base.Ranks, base.Tokens, base.Tokens/int64(max(1, base.Steps)), base.Model, base.ExpertImbalanceBefore, base.RankImbalanceBefore)
	for _, r := range rows[1:] {
		fmt.Fprintf(w, "  %-7s γ=%.1f: perplexity %+.1f %%, %.1f %% of the pairs dropped, MoE layer %.2f× as fast.\n",
			r.Policy, *r.Factor, 100*(r.Perplexity/base.Perplexity-1), 100*float64(r.Dropped)/float64(max(1, r.Routed)), r.Speedup)
	}
	reroute := rows[len(rows)-2]
	fmt.Fprintf(w, `Planning takes %.0f %% of the MoE layer here (reroute γ=1.0), because the model is tiny: a plan does not grow with the
hidden size; the experts' work, which the capacity evens out, grows with its square.
`, 100*reroute.Seconds[layers.Plan.String()]/reroute.MoESeconds)
	fmt.Fprint(w, `Seconds are on the critical path: for every step, layer and phase the CPU time of the slowest rank, added up; the median
of three runs by turns. It is what ranks with a core each would take, without the wire.`)
	if crowded {
		fmt.Fprint(w, " Here ranks share cores, so wall time shows no scaling.")
	}
	fmt.Fprintln(w)
}
