package main

import (
	"fmt"
	"slices"

	"capmoe/launch/output"
	"capmoe/runtime/bench"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/urfave/cli/v2"
)

func benchGemmCommand(t terminal) *cli.Command {
	return &cli.Command{
		Name:      "gemm",
		Usage:     "the products of experts: rate, and part of the peak measured in the same run",
		UsageText: "mpirun -n P capmoe bench gemm [flags]",
		Flags: []cli.Flag{
			shapeFlag(),
			dtypeFlag(),
			&cli.IntSliceFlag{Name: "rows", Value: cli.NewIntSlice(1, 8, 32, 128, 512), Usage: "`N` rows per expert; several with commas"},
			&cli.IntFlag{Name: "threads", Usage: "`N` of every rank; 0: its share of the cores"},
			&cli.IntFlag{Name: "repeats", Value: 7, Usage: "`N` timed runs over the experts"},
			jsonFlag(),
		},
		Action: func(c *cli.Context) error { return runBenchGemm(c, t) },
	}
}

func runBenchGemm(c *cli.Context, t terminal) error {
	gc, err := gemmCaseOf(c)
	if err != nil {
		return err
	}
	process := t.world.Process
	if n := c.Int("threads"); n > 0 {
		process.Threads = n
	}
	run := func() (*bench.GemmReport, error) { return bench.Gemm(process, gc, partsOf(c, t)) }
	return answer(c, t, run, func(r *bench.GemmReport) { printGemm(t, r) })
}

func gemmCaseOf(c *cli.Context) (gc bench.GemmCase, err error) {
	if gc.Shape, gc.DType, err = mixtureOf(c); err != nil {
		return gc, err
	}
	gc.Rows, gc.Repeats = c.IntSlice("rows"), c.Int("repeats")
	switch {
	case len(gc.Rows) == 0 || slices.Min(gc.Rows) < 1:
		return gc, usagef("bench gemm: --rows %v, want 1 or more", gc.Rows)
	case gc.Repeats < 1:
		return gc, usagef("bench gemm: --repeats %d, want 1 or more", gc.Repeats)
	case c.Int("threads") < 0:
		return gc, usagef("bench gemm: --threads %d, want 1 or more, or 0 for the share of the cores", c.Int("threads"))
	}
	return gc, nil
}

func printGemm(t terminal, r *bench.GemmReport) {
	fmt.Fprintf(t.stdout, "%s: %d of %d experts, H %d, F %d, %s, %s\n", r.Shape.Name, r.Experts, r.Shape.Experts, r.Shape.Hidden, r.Shape.Inner, r.DType, r.Kernels)
	fmt.Fprintf(t.stdout, "%d ranks × %d threads; a rank's peak here %.1f GFLOP/s (%s), reads %.1f GB/s; gate+up, activation, down; every case verified\n\n", r.Ranks, r.Threads, r.Peak, r.PeakAt, r.ReadBytes/1e9)
	tab := output.NewTable(t.stdout)
	tab.AppendHeader(table.Row{"rows per expert", "median ms", "min", "max", "GFLOP/s", "best", "of peak", "best", "weights GB/s", "of reads", "of floor"})
	for _, g := range r.Results {
		rate := func(v float64) string { return fmt.Sprintf("%.1f", v) }
		tab.AppendRow(table.Row{
			g.Rows, milliseconds(g.Median), milliseconds(g.Min), milliseconds(g.Max), rate(g.GFlops), rate(g.Best),
			rate(100*g.OfPeak) + " %", rate(100*g.BestOfPeak) + " %", rate(g.WeightBytes / 1e9), rate(100*g.WeightBytes/r.ReadBytes) + " %", rate(100*g.OfFloor) + " %",
		})
	}
	tab.Render()
}
