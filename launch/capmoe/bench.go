package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"capmoe/collective"
	"capmoe/launch"
	"capmoe/launch/output"
	"capmoe/layers/capacity"
	"capmoe/layers/kernel"
	"capmoe/runtime"
	"capmoe/runtime/bench"
	"capmoe/runtime/trace"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/urfave/cli/v2"
)

func benchCommand(t terminal) *cli.Command {
	return &cli.Command{
		Name:        "bench",
		Usage:       "measure the parts of a run on this machine",
		UsageText:   "mpirun -n P capmoe bench COMMAND [flags]",
		Subcommands: sayCrowded(t, withinBounds(benchPlanCommand(t), benchSelectCommand(t), benchLayerCommand(t), benchGemmCommand(t), benchCollectiveCommand(t), benchDispatchCommand(t), benchOverlapCommand(t), benchPrefillCommand(t), benchDecodeCommand(t))),
	}
}

// bounds are the largest numbers of the flags of benchmarks, which size memory by them.
var bounds = []struct {
	flag string
	most int
}{
	{"tokens", capacity.MaxTokens}, {"rows", capacity.MaxTokens}, {"batch", capacity.MaxTokens}, {"context", capacity.MaxTokens},
	{"ranks", 1 << 8}, {"layers", 1 << 12}, {"threads", runtime.MostThreads}, {"repeats", 1 << 16}, {"turns", 1 << 16},
}

// withinBounds has commands fault on numbers past their bounds before they do anything.
func withinBounds(commands ...*cli.Command) []*cli.Command {
	for _, command := range commands {
		action := command.Action
		command.Action = func(c *cli.Context) error {
			for _, b := range bounds {
				for _, n := range append(c.IntSlice(b.flag), c.Int(b.flag)) {
					if n > b.most {
						return usagef("%s: --%s %d, want at most %d", nameOf(c), b.flag, n, b.most)
					}
				}
			}
			return action(c)
		}
	}
	return commands
}

// byTurns has run start this program's benchmark, with these flags, and a plain C program by turns, until the user asks the process to end.
func byTurns(c *cli.Context, t terminal, flags []string, run func(ctx context.Context, contest bench.Contest) error) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("%s: %w", nameOf(c), err)
	}
	program := append([]string{self, "bench", c.Command.Name, "--json", "-"}, flags...)
	ctx, stop := untilSignal(c.Context)
	defer stop()
	err = run(ctx, bench.Contest{Program: program, Env: append(os.Environ(), launch.AsRoot()...), Ranks: c.Int("ranks"), Turns: c.Int("turns"), Repeats: c.Int("repeats")})
	if errors.Is(err, context.Canceled) {
		err = fmt.Errorf("%s: interrupted, the ranks have been ended", nameOf(c))
	}
	return collective.Agree(t.world.Comm(), err)
}

// sayCrowded has commands say at their end what their times are not worth where ranks share cores.
func sayCrowded(t terminal, commands []*cli.Command) []*cli.Command {
	for _, command := range commands {
		action := command.Action
		command.Action = func(c *cli.Context) error {
			err := action(c)
			if err == nil && c.String("json") != "-" {
				printCrowded(t, "times are not what dedicated cores would show")
			}
			return err
		}
	}
	return commands
}

// partsOf tells how many parts of a benchmark are done.
func partsOf(c *cli.Context, t terminal) func(done, of int) {
	return progress(t.stderr, nameOf(c)+": part")
}

func shapeFlag() cli.Flag {
	return &cli.StringFlag{Name: "shape", Value: "olmoe", Usage: "`NAME` of a model: " + strings.Join(bench.ShapeNames(), ", ")}
}

// mixtureOf is --shape, and --dtype of its experts.
func mixtureOf(c *cli.Context) (shape bench.Shape, dtype kernel.DType, err error) {
	if shape, err = bench.ShapeOf(c.String("shape")); err != nil {
		return shape, dtype, usagef("%s: --shape %q, want one of %s", nameOf(c), c.String("shape"), strings.Join(bench.ShapeNames(), ", "))
	}
	dtype, err = dtypeOf(c)
	return shape, dtype, err
}

// everyRankOwns faults on more ranks than a shape has experts.
func everyRankOwns(c *cli.Context, ranks int, shape bench.Shape) error {
	if ranks > shape.Experts {
		return usagef("%s: %d ranks for the %d experts of %s, want at most as many", nameOf(c), ranks, shape.Experts, shape.Name)
	}
	return nil
}

func benchPlanCommand(t terminal) *cli.Command {
	return &cli.Command{
		Name:      "plan",
		Usage:     "planning: time and bytes on the wire by policy and tokens",
		UsageText: "mpirun -n P capmoe bench plan [flags]",
		Flags: []cli.Flag{
			&cli.IntSliceFlag{Name: "tokens", Value: cli.NewIntSlice(16, 1024, 8192, 65536), Usage: "`T`, tokens of the step over all ranks; several with commas"},
			&cli.IntFlag{Name: "experts", Value: 64, Usage: "`E`"},
			&cli.IntFlag{Name: "topk", Value: 8, Usage: "`K`"},
			&cli.Float64Flag{Name: "moe-expert-capacity-factor", Aliases: []string{"gamma"}, Value: 1, Usage: "`γ`"},
			&cli.IntFlag{Name: "repeats", Value: 20, Usage: "`N` timed plans of each case"},
			jsonFlag(),
		},
		Action: func(c *cli.Context) error { return runBenchPlan(c, t) },
	}
}

func runBenchPlan(c *cli.Context, t terminal) error {
	gamma := capacity.Times(c.Float64("moe-expert-capacity-factor"))
	policies := []capacity.Config{
		{},
		{Policy: capacity.Drop, Expert: gamma},
		{Policy: capacity.Drop, Expert: gamma, Scope: capacity.Local},
		{Policy: capacity.Reroute, Expert: gamma, Rounds: 2},
		{Policy: capacity.Reroute, Expert: gamma},
		{Policy: capacity.Reroute, Expert: gamma, Rank: gamma},
		{Policy: capacity.Expanded, Expert: gamma},
	}
	names := []string{"dropless", "drop", "drop, scope local", "reroute, 2 rounds", "reroute to the end", "reroute, rank budget too", "expanded own"}
	if err := checkBenchPlan(c, t); err != nil {
		return err
	}
	done, cases := partsOf(c, t), len(policies)*len(c.IntSlice("tokens"))
	run := func() (r planned, err error) {
		for _, tokens := range c.IntSlice("tokens") {
			for i, policy := range policies {
				result, err := bench.Plan(t.world.Process, bench.PlanCase{Name: names[i], Policy: policy, Tokens: tokens, Experts: c.Int("experts"), TopK: c.Int("topk")}, c.Int("repeats"))
				if err != nil {
					return r, err
				}
				r.Plans = append(r.Plans, result)
				done(len(r.Plans), cases)
			}
		}
		return r, nil
	}
	return answer(c, t, run, func(r planned) {
		fmt.Fprintf(t.stdout, "planning on %d ranks: E %d, K %d, γ %v; slowest rank, median of %d; bytes of the busiest rank; every plan verified\n\n", t.world.Comm().Size(), c.Int("experts"), c.Int("topk"), gamma, c.Int("repeats"))
		printPlans(t, r.Plans)
	})
}

// planned is what bench plan has measured.
type planned struct {
	Plans []bench.PlanResult `json:"plans"`
}

func printPlans(t terminal, results []bench.PlanResult) {
	tab := output.NewTable(t.stdout)
	tab.AppendHeader(table.Row{"policy", "T", "median µs", "min", "max", "ns/token", "rounds", "collectives", "bytes sent"})
	for _, r := range results {
		tab.AppendRow(table.Row{r.Name, r.Tokens, wholeMicros(r.Median), wholeMicros(r.Min), wholeMicros(r.Max), fmt.Sprintf("%.0f", float64(r.Median)/float64(r.Tokens)), r.Rounds, r.Calls, r.Bytes})
	}
	tab.Render()
}

func checkBenchPlan(c *cli.Context, t terminal) error {
	experts, topK := c.Int("experts"), c.Int("topk")
	switch ranks := t.world.Comm().Size(); {
	case c.Int("repeats") < 1:
		return usagef("bench plan: --repeats %d, want 1 or more", c.Int("repeats"))
	case experts < ranks || experts > trace.MaxExperts:
		return usagef("bench plan: --experts %d, want one for each of the %d ranks, at most %d", experts, ranks, trace.MaxExperts)
	case topK < 1 || topK > experts:
		return usagef("bench plan: --topk %d, want 1 to the %d experts", topK, experts)
	}
	for _, tokens := range c.IntSlice("tokens") {
		if tokens < 1 || tokens > capacity.MaxTokens {
			return usagef("bench plan: --tokens %d, want 1 to %d", tokens, capacity.MaxTokens)
		}
	}
	if err := (capacity.Config{Expert: capacity.Times(c.Float64("moe-expert-capacity-factor"))}).Validate(); err != nil {
		return usageError(err)
	}
	return nil
}

// How benchmarks write durations.
func wholeMicros(d time.Duration) string  { return fmt.Sprintf("%.0f", float64(d)/1e3) }
func micros(d time.Duration) string       { return fmt.Sprintf("%.2f", float64(d)/1e3) }
func milliseconds(d time.Duration) string { return fmt.Sprintf("%.2f", float64(d)/1e6) }
