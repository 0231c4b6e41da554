package main

import (
	"fmt"
	"math"
	"slices"
	"time"

	"capmoe/collective/commtest"
	"capmoe/launch/output"
	"capmoe/runtime/bench"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/urfave/cli/v2"
)

func benchOverlapCommand(t terminal) *cli.Command {
	return &cli.Command{
		Name:      "overlap",
		Usage:     "a mixture layer whose rows travel between nodes in chunks while experts compute, over made wires",
		UsageText: "mpirun -n P capmoe bench overlap [flags]",
		Flags: []cli.Flag{
			shapeFlag(),
			dtypeFlag(),
			&cli.IntFlag{Name: "tokens", Value: 2048, Usage: "`T`, tokens of the step over all ranks"},
			&cli.Float64Flag{Name: "skew", Value: 1, Usage: "`EXPONENT` of the Zipf law of the experts' popularity"},
			&cli.Float64SliceFlag{Name: "bandwidth", Value: cli.NewFloat64Slice(1, 3, 12), Usage: "`GB/s` of a rank's wire, each way; several with commas"},
			&cli.DurationFlag{Name: "latency", Value: 20 * time.Microsecond, Usage: "`TIME` of the wire"},
			&cli.IntSliceFlag{Name: "a2a-ffn-overlap-degree", Value: cli.NewIntSlice(1, 2, 4, 8), Usage: "`N` chunks, the first to compare with; several with commas"},
			&cli.IntFlag{Name: "repeats", Value: 5, Usage: "`N` timed runs of each, by turns"},
			jsonFlag(),
		},
		Action: func(c *cli.Context) error { return runBenchOverlap(c, t) },
	}
}

// What a made wire may be: with a slower one the ranks would seem to hang.
const (
	leastBandwidth = 0.01 // GB/s
	mostLatency    = time.Second
)

func runBenchOverlap(c *cli.Context, t terminal) error {
	lc, err := layerCaseOf(c, t)
	if err != nil {
		return err
	}
	ranks, degrees, repeats := t.world.Comm().Size(), c.IntSlice("a2a-ffn-overlap-degree"), c.Int("repeats")
	var wires []commtest.Wire
	for _, gb := range c.Float64Slice("bandwidth") {
		if !(gb >= leastBandwidth) || math.IsInf(gb, 0) || c.Duration("latency") < 0 || c.Duration("latency") > mostLatency {
			return usagef("bench overlap: --bandwidth %v, --latency %v, want a number of %v or more, and 0 to %v", gb, c.Duration("latency"), leastBandwidth, mostLatency)
		}
		wires = append(wires, commtest.Wire{Latency: c.Duration("latency"), Bandwidth: 1e9 * gb})
	}
	switch {
	case len(degrees) == 0 || slices.Min(degrees) < 1:
		return usagef("bench overlap: --a2a-ffn-overlap-degree %v, want 1 or more", degrees)
	case ranks < 2:
		return usagef("bench overlap: 1 rank, want 2 or more: start it with mpirun")
	}
	most := (lc.Shape.Experts + ranks - 1) / ranks
	degrees = slices.DeleteFunc(degrees, func(n int) bool { return n > most })
	if len(degrees) == 0 {
		return usagef("bench overlap: --a2a-ffn-overlap-degree %v, want at most the %d experts of a rank", c.IntSlice("a2a-ffn-overlap-degree"), most)
	}
	run := func() (*bench.OverlapReport, error) {
		return bench.Overlap(t.world.Process, lc, wires, degrees, repeats)
	}
	return answer(c, t, run, func(r *bench.OverlapReport) { printOverlap(t, r, c.Duration("latency")) })
}

func printOverlap(t terminal, r *bench.OverlapReport, latency time.Duration) {
	fmt.Fprintf(t.stdout, "%s: %d experts, top %d, H %d, F %d, %s; %d tokens on %d ranks × %d threads, dropless; Zipf %v; slowest rank, median of %d by turns; same bits everywhere\n\n",
		r.Shape.Name, r.Shape.Experts, r.Shape.TopK, r.Shape.Hidden, r.Shape.Inner, r.DType, r.Tokens, r.Ranks, t.world.Process.Threads, r.Skew, r.Node.Count)
	fmt.Fprintf(t.stdout, "one node: %s ms (%s to %s); the rank that waits least waits %.2f ms, %.1f %%: no overlap there could save more\n",
		milliseconds(r.Node.Median), milliseconds(r.Node.Min), milliseconds(r.Node.Max), 1e3*r.Node.Waits, 100*r.Node.Waits/r.Node.Median.Seconds())
	fmt.Fprintf(t.stdout, "every rank a node of its own, wires of latency %v:\n\n", latency)
	tab := output.NewTable(t.stdout)
	tab.AppendHeader(table.Row{"GB/s a rank", "chunks", "ms", "min", "max", "saved", "chosen"})
	for _, w := range r.Wires {
		for _, d := range w.Degrees {
			chosen := ""
			if d.Degree == w.Chosen {
				chosen = "yes"
			}
			tab.AppendRow(table.Row{w.Bandwidth / 1e9, d.Degree, milliseconds(d.Median), milliseconds(d.Min), milliseconds(d.Max), fmt.Sprintf("%.1f %%", 100*d.Gain), chosen})
		}
	}
	tab.Render()
}
