package main

import (
	"encoding/json"
	"fmt"

	"capmoe/launch/output"
	"capmoe/layers/capacity"
	"capmoe/runtime/trace"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/urfave/cli/v2"
)

func traceShowCommand(t terminal) *cli.Command {
	return &cli.Command{
		Name:      "show",
		Usage:     "what a recording holds: loads by layer, share over capacity, rank loads",
		UsageText: "capmoe trace show [flags] FILE",
		ArgsUsage: "FILE",
		Flags: append([]cli.Flag{
			&cli.Float64SliceFlag{Name: "moe-expert-capacity-factor", Aliases: []string{"gamma"}, Value: cli.NewFloat64Slice(1, 1.25, 1.5, 2), Usage: "share of pairs over capacity at `γ`; several with commas"},
			&cli.IntFlag{Name: "ranks", Value: 8, Usage: "rank loads on `P` ranks that hold the experts in blocks"},
			&cli.IntFlag{Name: "step-tokens", Usage: "rank loads in steps of `T` tokens", DefaultText: "as recorded, or 1024"},
			jsonFlag(),
		}, hintFlags()...),
		Action: func(c *cli.Context) error { return runTraceShow(c, t) },
	}
}

func runTraceShow(c *cli.Context, t terminal) error {
	args, hints, err := recordings(c, t)
	if err != nil {
		return err
	}
	measure, err := measureOf(c)
	if err != nil {
		return err
	}
	run := func() (shown, error) { return summarize(args[0], hints, measure) }
	return answer(c, t, run, func(s shown) {
		if len(s) > 1 {
			printSets(t, args[0], s)
			return
		}
		printSummary(t, s[0])
	})
}

// shown is a recording, or every set of counts of one.
type shown []*trace.Summary

// MarshalJSON writes a recording as it is, and several sets as a list.
func (s shown) MarshalJSON() ([]byte, error) {
	if len(s) > 1 {
		return json.Marshal(map[string]any{"sets": []*trace.Summary(s)})
	}
	return json.Marshal(s[0])
}

func measureOf(c *cli.Context) (trace.Measure, error) {
	m := trace.Measure{Gammas: c.Float64Slice("moe-expert-capacity-factor"), Ranks: c.Int("ranks"), StepTokens: c.Int("step-tokens")}
	for _, gamma := range m.Gammas {
		if err := (capacity.Config{Expert: capacity.Times(gamma)}).Validate(); err != nil {
			return m, usageError(err)
		}
	}
	if m.Ranks < 1 || m.Ranks > trace.MaxExperts {
		return m, usagef("trace show: --ranks %d, want 1 to %d", m.Ranks, trace.MaxExperts)
	}
	if m.StepTokens < 0 || m.StepTokens > capacity.MaxTokens {
		return m, usagef("trace show: --step-tokens %d, want 1 to %d, or 0: as recorded", m.StepTokens, capacity.MaxTokens)
	}
	return m, nil
}

// summarize reads a recording, or every set of counts in a file.
func summarize(path string, h trace.Hints, m trace.Measure) ([]*trace.Summary, error) {
	loads, err := trace.IsLoads(path)
	if err != nil {
		return nil, err
	}
	if loads {
		return summarizeLoads(path, h, m)
	}
	s, err := trace.Open(path, h)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	summary, err := trace.Summarize(path, s, m)
	return []*trace.Summary{summary}, err
}

func summarizeLoads(path string, h trace.Hints, m trace.Measure) ([]*trace.Summary, error) {
	if h.Set != "" {
		l, err := trace.OpenLoads(path, h)
		if err != nil {
			return nil, err
		}
		return []*trace.Summary{l.Summary(m)}, nil
	}
	sets, err := trace.Sets(path, h)
	if err != nil {
		return nil, err
	}
	var summaries []*trace.Summary
	for _, l := range sets {
		summaries = append(summaries, l.Summary(m))
	}
	return summaries, nil
}

func printSummary(t terminal, s *trace.Summary) {
	fmt.Fprintf(t.stdout, "%s: ", s.Path)
	if s.Set != "" {
		fmt.Fprintf(t.stdout, "%s: ", s.Set)
	}
	switch {
	case s.Kind == "loads" && s.TopK == 0:
		fmt.Fprintf(t.stdout, "counts; %d layers, %d experts; give --topk, the file does not say how many of them a token chooses\n", len(s.Layers), s.Experts)
	case s.Kind == "loads":
		fmt.Fprintf(t.stdout, "counts of %d tokens; %d layers, %d experts, top %d\n", s.Tokens, len(s.Layers), s.Experts, s.TopK)
	default:
		fmt.Fprintf(t.stdout, "%d tokens; %s\n", s.Tokens, describeTrace(s.Info))
	}
	if s.Origin != "" {
		fmt.Fprintf(t.stdout, "from %s\n", s.Origin)
	}
	if s.Requests > 0 {
		fmt.Fprintf(t.stdout, "%d requests\n", s.Requests)
	}
	fmt.Fprintf(t.stdout, "rank load max/mean on %d ranks", s.Ranks)
	if s.Steps > 0 {
		fmt.Fprintf(t.stdout, " in %d steps%s: median %.3f, largest %.3f\n\n", s.Steps, stepSize(s.StepTokens), s.RankImbalance, s.RankImbalanceMax)
	} else {
		fmt.Fprintf(t.stdout, " over all: median of the layers %.3f, largest %.3f\n\n", s.RankImbalance, s.RankImbalanceMax)
	}
	tab := output.NewTable(t.stdout)
	header := table.Row{"layer", "pairs", "expert max/mean", "busiest", "rank max/mean"}
	for _, gamma := range s.Gammas {
		header = append(header, fmt.Sprintf("over γ %g", gamma))
	}
	tab.AppendHeader(header)
	total := int64(0)
	for _, l := range s.Layer {
		pairs := int64(0)
		for _, n := range l.Load {
			pairs += n
		}
		total += pairs
		row := table.Row{l.Layer, pairs, fmt.Sprintf("%.3f", l.Imbalance), l.Busiest, fmt.Sprintf("%.3f", l.RankImbalance)}
		tab.AppendRow(appendShares(row, l.Over))
	}
	tab.AppendRow(appendShares(table.Row{"all", total, "", "", fmt.Sprintf("%.3f", s.RankImbalance)}, s.Over))
	if s.OverSteps != nil {
		tab.AppendRow(appendShares(table.Row{"in steps", total, "", "", ""}, s.OverSteps))
	}
	tab.Render()
}

func stepSize(tokens int) string {
	if tokens == 0 {
		return ""
	}
	return fmt.Sprintf(" of %d tokens", tokens)
}

func appendShares(row table.Row, shares []float64) table.Row {
	for _, share := range shares {
		row = append(row, fmt.Sprintf("%.2f %%", 100*share))
	}
	return row
}

// printSets is a line for every set of counts.
func printSets(t terminal, path string, summaries []*trace.Summary) {
	fmt.Fprintf(t.stdout, "%s: %d sets of counts; one by --set NAME\n\n", path, len(summaries))
	tab := output.NewTable(t.stdout)
	tab.AppendHeader(table.Row{"set", "tokens", "experts", "top k", "layers", "expert max/mean by layer"})
	for _, s := range summaries {
		text := ""
		for i, l := range s.Layer {
			if i > 0 {
				text += ", "
			}
			text += fmt.Sprintf("%.2f", l.Imbalance)
		}
		tokens, topK := fmt.Sprint(s.Tokens), fmt.Sprint(s.TopK)
		if s.TopK == 0 {
			tokens, topK = "-", "-"
		}
		tab.AppendRow(table.Row{s.Set, tokens, s.Experts, topK, len(s.Layers), text})
	}
	tab.Render()
}
