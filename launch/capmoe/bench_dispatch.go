package main

import (
	"context"
	"fmt"
	"slices"

	"capmoe/launch/output"
	"capmoe/runtime/bench"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/urfave/cli/v2"
)

func benchDispatchCommand(t terminal) *cli.Command {
	return &cli.Command{
		Name:      "dispatch",
		Usage:     "rows to their experts and back; alone, against two MPI_Alltoallv of a plain C program by turns",
		UsageText: "capmoe bench dispatch --ranks P [flags]\nmpirun -n P capmoe bench dispatch [flags]",
		Flags: []cli.Flag{
			shapeFlag(),
			dtypeFlag(),
			&cli.IntFlag{Name: "tokens", Value: 2048, Usage: "`T`, tokens of the step over all ranks"},
			&cli.IntFlag{Name: "ranks", Value: 2, Usage: "`P` ranks that mpirun starts, of capmoe and of the C program, when this process is alone"},
			&cli.IntFlag{Name: "turns", Value: 9, Usage: "`N` runs of each program"},
			&cli.IntFlag{Name: "repeats", Value: 15, Usage: "`N` timed round trips in a run"},
			jsonFlag(),
		},
		Action: func(c *cli.Context) error { return runBenchDispatch(c, t) },
	}
}

func runBenchDispatch(c *cli.Context, t terminal) error {
	shape, dtype, err := mixtureOf(c)
	if err != nil {
		return err
	}
	for _, name := range []string{"tokens", "ranks", "turns", "repeats"} {
		if c.Int(name) < 1 {
			return usagef("bench dispatch: --%s %d, want 1 or more", name, c.Int(name))
		}
	}
	ranks := c.Int("ranks")
	if t.world.Launched {
		if ranks = t.world.Comm().Size(); c.IsSet("ranks") && c.Int("ranks") != ranks {
			return usagef("bench dispatch: --ranks %d under a launcher that has started %d", c.Int("ranks"), ranks)
		}
	}
	if err := everyRankOwns(c, ranks, shape); err != nil {
		return err
	}
	if !t.world.Launched {
		run := func() (*bench.DispatchComparison, error) { return compareDispatch(c, t) }
		return answer(c, t, run, func(r *bench.DispatchComparison) { printDispatch(t, r) })
	}
	dc := bench.DispatchCase{Shape: shape, DType: dtype, Tokens: c.Int("tokens")}
	run := func() (*bench.DispatchReport, error) { return bench.Dispatch(t.world.Process, dc, c.Int("repeats")) }
	return answer(c, t, run, func(r *bench.DispatchReport) { printDispatch(t, &bench.DispatchComparison{DispatchReport: *r}) })
}

// compareDispatch starts both programs by turns.
func compareDispatch(c *cli.Context, t terminal) (r *bench.DispatchComparison, err error) {
	var flags []string
	for _, name := range []string{"shape", "dtype", "tokens", "repeats"} {
		flags = append(flags, "--"+name, fmt.Sprint(c.Value(name)))
	}
	err = byTurns(c, t, flags, func(ctx context.Context, contest bench.Contest) (err error) {
		r, err = contest.Dispatches(ctx)
		return err
	})
	return r, err
}

func printDispatch(t terminal, r *bench.DispatchComparison) {
	there, back := make([]int64, r.Ranks), make([]int64, r.Ranks)
	for i := range r.Bytes {
		there[i%r.Ranks] += r.Bytes[i]
		back[i/r.Ranks] += r.BytesBack[i]
	}
	fmt.Fprintf(t.stdout, "%s: %d experts, top %d, H %d; %d tokens on %d ranks, dropless; the busiest rank receives %.1f MB of rows in %s, and gives %.1f MB of outputs; slowest rank, medians of %d; verified\n\n",
		r.Shape.Name, r.Shape.Experts, r.Shape.TopK, r.Shape.Hidden, r.Tokens, r.Ranks, float64(slices.Max(there))/1e6, r.DType, float64(slices.Max(back))/1e6, r.Trip.Count)
	tab := output.NewTable(t.stdout)
	tab.AppendHeader(table.Row{"", "ms", "min", "max"})
	row := func(name string, s bench.Sample) {
		tab.AppendRow(table.Row{name, milliseconds(s.Median), milliseconds(s.Min), milliseconds(s.Max)})
	}
	row("dispatch", r.There)
	row("combine, weights applied", r.Back)
	row("round trip", r.Trip)
	if r.Plain.Count > 0 {
		row("two MPI_Alltoallv in C", r.Plain)
		tab.AppendRow(table.Row{"ratio of a run of each, median", fmt.Sprintf("%.2f×", r.Ratio)})
	}
	tab.Render()
}
