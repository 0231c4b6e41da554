package main

import (
	"fmt"

	"capmoe/launch"
	"capmoe/launch/output"
	"capmoe/layers/capacity"
	"capmoe/runtime/simulate"
	"capmoe/runtime/trace"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/urfave/cli/v2"
)

func simulateCommand(t terminal) *cli.Command {
	return &cli.Command{
		Name:        "simulate",
		Usage:       "plan recorded routing as any number of ranks would",
		UsageText:   "capmoe simulate scope --trace PATH [flags]",
		Subcommands: []*cli.Command{simulateScopeCommand(t)},
	}
}

func simulateScopeCommand(t terminal) *cli.Command {
	return &cli.Command{
		Name:      "scope",
		Usage:     "lost gate mass and effective factor, global against local scope, by ranks",
		UsageText: "capmoe simulate scope --trace PATH [flags]",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "trace", TakesFile: true, Usage: "`PATH` of a recording of tokens: .routing, or a format that trace convert reads"},
			&cli.StringFlag{Name: "policy", Value: "drop", Usage: "`NAME` drop or reroute"},
			&cli.IntFlag{Name: "step-tokens", Value: 2048, Usage: "`T`, tokens of a step"},
			&cli.Float64SliceFlag{Name: "moe-expert-capacity-factor", Aliases: []string{"gamma"}, Value: cli.NewFloat64Slice(1, 1.25, 1.5, 2), Usage: "`γ`; several with commas"},
			&cli.IntSliceFlag{Name: "ranks", Value: cli.NewIntSlice(1, 2, 4, 8, 16, 32, 64, 128, 256), Usage: "`P`; several with commas"},
			jsonFlag(),
		},
		Action: func(c *cli.Context) error { return runSimulateScope(c, t) },
	}
}

func runSimulateScope(c *cli.Context, t terminal) error {
	if err := required(c, "trace"); err != nil {
		return err
	}
	if err := onOneRank(c, t); err != nil {
		return err
	}
	policy, err := simulatedPolicy(c)
	if err != nil {
		return err
	}
	var tr *trace.Trace
	run := func() (*scopes, error) {
		var err error
		tr, err = trace.Load(c.String("trace"), trace.Hints{})
		if err == nil && policy.Policy == capacity.Reroute && !tr.Whole() {
			err = fmt.Errorf("simulate: %s holds the scores of the chosen %d experts only: reroute cannot be replayed on it", tr.Path, tr.TopK)
		}
		if err != nil {
			return nil, err
		}
		rows, err := simulate.Scope(tr, policy, c.Int("step-tokens"), c.Float64Slice("moe-expert-capacity-factor"), c.IntSlice("ranks"))
		return &scopes{tr.Path, policy.Policy.String(), c.Int("step-tokens"), rows}, err
	}
	return answer(c, t, run, func(s *scopes) { printScope(c, t, tr, s.Rows) })
}

// scopes is what simulate scope has found.
type scopes struct {
	Trace  string              `json:"trace"`
	Policy string              `json:"policy"`
	Tokens int                 `json:"step_tokens"`
	Rows   []simulate.ScopeRow `json:"rows"`
}

// mostSimulated bounds the ranks that are planned for, one by one.
const mostSimulated = 1 << 16

func simulatedPolicy(c *cli.Context) (capacity.Config, error) {
	policy, err := capacity.ParsePolicy(c.String("policy"))
	if err != nil {
		return capacity.Config{}, &launch.UsageError{Err: err}
	}
	if policy != capacity.Drop && policy != capacity.Reroute {
		return capacity.Config{}, usagef("simulate scope: --policy %v, want drop or reroute", policy)
	}
	if n := c.Int("step-tokens"); n < 1 || n > capacity.MaxTokens {
		return capacity.Config{}, usagef("simulate scope: --step-tokens %d, want 1 to %d", n, capacity.MaxTokens)
	}
	for _, p := range c.IntSlice("ranks") {
		if p < 1 || p > mostSimulated {
			return capacity.Config{}, usagef("simulate scope: --ranks %d, want 1 to %d", p, mostSimulated)
		}
	}
	cfg := capacity.Config{Policy: policy}
	for _, gamma := range c.Float64Slice("moe-expert-capacity-factor") {
		cfg.Expert = capacity.Times(gamma)
		if err := cfg.Validate(); err != nil {
			return cfg, &launch.UsageError{Err: err}
		}
	}
	return cfg, nil
}

func printScope(c *cli.Context, t terminal, tr *trace.Trace, rows []simulate.ScopeRow) {
	fmt.Fprintf(t.stdout, "%s: %d tokens, %d layers, %d experts, top %d; steps of %d tokens, policy %s\n", tr.Path, tr.Tokens, len(tr.Layers), tr.Experts, tr.TopK, c.Int("step-tokens"), c.String("policy"))
	for _, show := range []struct {
		title, format string
		global, local func(simulate.ScopeRow) float64
	}{
		{"lost gate mass", "%.4f", func(r simulate.ScopeRow) float64 { return r.GlobalMassLost }, func(r simulate.ScopeRow) float64 { return r.LocalMassLost }},
		{"effective factor", "%.3f", func(r simulate.ScopeRow) float64 { return r.GlobalEffective }, func(r simulate.ScopeRow) float64 { return r.LocalEffective }},
		{"fullest expert / global capacity", "%.3f", nil, func(r simulate.ScopeRow) float64 { return r.LocalOverflow }},
	} {
		fmt.Fprintf(t.stdout, "\n%s\n", show.title)
		tab := output.NewTable(t.stdout)
		header := table.Row{"γ", "global, any P"}
		for _, p := range c.IntSlice("ranks") {
			header = append(header, fmt.Sprintf("local P=%d", p))
		}
		tab.AppendHeader(header)
		for i := 0; i < len(rows); i += len(c.IntSlice("ranks")) {
			line := table.Row{rows[i].Gamma, "1 at most"}
			if show.global != nil {
				line[1] = fmt.Sprintf(show.format, show.global(rows[i]))
			}
			for j := range c.IntSlice("ranks") {
				line = append(line, fmt.Sprintf(show.format, show.local(rows[i+j])))
			}
			tab.AppendRow(line)
		}
		tab.Render()
	}
}
