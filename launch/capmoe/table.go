package main

import (
	"fmt"
	"io"
	"strconv"

	"capmoe/launch/output"
	"capmoe/layers"
	"capmoe/runtime"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// printReport is the table for people of a run's numbers.
func printReport(w io.Writer, r *runtime.Report) {
	t := output.NewTable(w)
	t.AppendRow(table.Row{"policy", describePolicy(r)})
	if r.Kernels != "" {
		t.AppendRow(table.Row{"kernels", fmt.Sprintf("%s, weights %s", r.Kernels, r.DType)})
	}
	t.AppendRow(table.Row{"ranks, nodes, steps", fmt.Sprintf("%d, %d, %d", r.Ranks, r.Nodes, r.Steps)})
	t.AppendRow(table.Row{"capacity, effective factor", fmt.Sprintf("%s, %s", optionalInt(r.Capacity), optional(r.EffectiveFactor, "%.4g"))})
	t.AppendRow(table.Row{"pairs routed", r.Routed})
	t.AppendRow(table.Row{"pairs kept", fmt.Sprintf("%d (%s)", r.Kept, percent(r.Kept, r.Routed))})
	t.AppendRow(table.Row{"pairs rerouted, dropped, extra", fmt.Sprintf("%d, %d, %d", r.Rerouted, r.Dropped, r.Extra)})
	t.AppendRow(table.Row{"tokens without any expert", r.TokensWithoutExpert})
	t.AppendRow(table.Row{"lost gate mass", fmt.Sprintf("%.4f", r.GateMassLost)})
	t.AppendRow(table.Row{"rounds", r.Rounds})
	t.AppendRow(table.Row{"expert load max/mean", fmt.Sprintf("%.3f → %.3f", r.ExpertImbalanceBefore, r.ExpertImbalanceAfter)})
	t.AppendRow(table.Row{"rank load max/mean", fmt.Sprintf("%.3f → %.3f", r.RankImbalanceBefore, r.RankImbalanceAfter)})
	t.AppendRow(table.Row{"bytes to same rank, node, other", fmt.Sprintf("%d, %d, %d", r.Bytes.SameRank, r.Bytes.SameNode, r.Bytes.OtherNode)})
	if r.SharedSteps > 0 {
		t.AppendRow(table.Row{"column-parallel steps", fmt.Sprintf("%d of %d", r.SharedSteps, r.Steps)})
	}
	for _, o := range r.Overlap {
		t.AppendRow(table.Row{"chunks between nodes", describeOverlap(o)})
	}
	t.Render()
	fmt.Fprintln(w)
	printPhases(w, r)
	if r.Attribution != nil {
		fmt.Fprintf(w, "\n%v", r.Attribution)
	}
}

// describeOverlap says in how many chunks rows travelled between nodes, and why.
func describeOverlap(o layers.OverlapChoice) string {
	chunks := "not decided"
	if o.Degree > 0 {
		chunks = fmt.Sprint(o.Degree)
	}
	text := fmt.Sprintf("%s, in steps of up to %d tokens", chunks, o.Tokens)
	for i, m := range o.Times {
		sep := ", "
		if i == 0 {
			sep = "; ms a layer in "
		}
		text += fmt.Sprintf("%s%d: %.2f", sep, m.Chunks, 1e3*m.Seconds)
	}
	return text
}

// wallTimeCrowded is so beside a critical path.
const wallTimeCrowded = "wall time is not what dedicated cores would show, the critical path is"

// printCrowded says what times are not worth where ranks share cores.
func printCrowded(t terminal, what string) {
	if t.world.Process.Crowded() {
		fmt.Fprintf(t.stdout, "\n%d ranks share fewer cores: %s.\n", t.world.Comm().Size(), what)
	}
}

func printPhases(w io.Writer, r *runtime.Report) {
	t := output.NewTable(w)
	t.AppendHeader(table.Row{"phase", "critical path s"})
	for p := range layers.Phases {
		t.AppendRow(table.Row{p.String(), fmt.Sprintf("%.3f", r.Seconds[p.String()])})
	}
	t.AppendRow(table.Row{"all", fmt.Sprintf("%.3f", r.CriticalPath)})
	t.AppendRow(table.Row{"wall", fmt.Sprintf("%.3f", r.Wall)})
	t.SetColumnConfigs([]table.ColumnConfig{{Number: 2, Align: text.AlignRight}})
	t.Render()
}

func describePolicy(r *runtime.Report) string {
	s := r.Policy
	if r.Baseline != "" {
		s = r.Baseline + ": " + s
	}
	if r.Policy == "drop" {
		s += " by " + r.Order
	}
	for _, budget := range []struct {
		of     string
		factor *float64
	}{{"", r.Factor}, {"rank ", r.RankFactor}, {"node ", r.NodeFactor}} {
		if budget.factor != nil {
			s += fmt.Sprintf(", %sγ %g", budget.of, *budget.factor)
		}
	}
	if r.Policy != "dropless" {
		s += ", scope " + r.Scope
	}
	return s
}

func percent(part, whole int64) string {
	if whole == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f %%", 100*float64(part)/float64(whole))
}

func optionalInt(v *int) string {
	if v == nil {
		return "-"
	}
	return strconv.Itoa(*v)
}

func optional(v *float64, format string) string {
	if v == nil {
		return "-"
	}
	return fmt.Sprintf(format, *v)
}
