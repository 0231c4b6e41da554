package main

import (
	"fmt"
	"slices"

	"capmoe/launch/output"
	"capmoe/layers"
	"capmoe/runtime"
	"capmoe/runtime/bench"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/urfave/cli/v2"
)

func benchPrefillCommand(t terminal) *cli.Command {
	return &cli.Command{
		Name:      "prefill",
		Usage:     "a prompt through whole layers, spread over the ranks: tokens per second, and part of the limit",
		UsageText: "mpirun -n P capmoe bench prefill [flags]",
		Flags: append(stackFlags(7),
			&cli.IntSliceFlag{Name: "tokens", Value: cli.NewIntSlice(512, 2048), Usage: "`N` tokens of the prompt; several with commas"},
		),
		Action: func(c *cli.Context) error { return runBenchPrefill(c, t) },
	}
}

func benchDecodeCommand(t terminal) *cli.Command {
	return &cli.Command{
		Name:      "decode",
		Usage:     "steps of one token a sequence through whole layers: tokens per second, and bytes read",
		UsageText: "mpirun -n P capmoe bench decode [flags]",
		Flags: append(stackFlags(21),
			&cli.IntSliceFlag{Name: "batch", Value: cli.NewIntSlice(1, 8, 32), Usage: "`N` sequences of a step; several with commas"},
			&cli.IntFlag{Name: "context", Value: 256, Usage: "`N` tokens of each before the first step"},
		),
		Action: func(c *cli.Context) error { return runBenchDecode(c, t) },
	}
}

func stackFlags(repeats int) []cli.Flag {
	return []cli.Flag{
		shapeFlag(),
		dtypeFlag(),
		&cli.IntFlag{Name: "layers", Value: 2, Usage: "`N` layers"},
		&cli.IntFlag{Name: "threads", Usage: "`N` of every rank; 0: its share of the cores"},
		&cli.IntFlag{Name: "repeats", Value: repeats, Usage: "`N` timed steps"},
		jsonFlag(),
	}
}

func stackCaseOf(c *cli.Context, t terminal) (sc bench.StackCase, p runtime.Process, err error) {
	p = t.world.Process
	name := nameOf(c)
	if sc.Shape, sc.DType, err = mixtureOf(c); err != nil {
		return sc, p, err
	}
	sc.Layers, sc.Repeats = c.Int("layers"), c.Int("repeats")
	switch threads := c.Int("threads"); {
	case sc.Layers < 1:
		return sc, p, usagef("%s: --layers %d, want 1 or more", name, sc.Layers)
	case sc.Repeats < 1:
		return sc, p, usagef("%s: --repeats %d, want 1 or more", name, sc.Repeats)
	case threads < 0:
		return sc, p, usagef("%s: --threads %d, want 1 or more, or 0 for the share of the cores", name, threads)
	case threads > 0:
		p.Threads = threads
	}
	return sc, p, everyRankOwns(c, p.Comm.Size(), sc.Shape)
}

func runBenchPrefill(c *cli.Context, t terminal) error {
	sc, process, err := stackCaseOf(c, t)
	if err != nil {
		return err
	}
	lengths := c.IntSlice("tokens")
	if len(lengths) == 0 || slices.Min(lengths) < 1 {
		return usagef("bench prefill: --tokens %v, want 1 or more", lengths)
	}
	run := func() (*bench.PrefillReport, error) { return bench.Prefill(process, sc, lengths, partsOf(c, t)) }
	return answer(c, t, run, func(r *bench.PrefillReport) { printPrefill(t, r) })
}

func printPrefill(t terminal, r *bench.PrefillReport) {
	printStack(t, &r.StackReport, "dropless; a prompt alone, its bits verified against the prompt in pieces")
	tab := output.NewTable(t.stdout)
	tab.AppendHeader(append(table.Row{"tokens", "median ms", "min", "max", "tokens/s", "GFLOP/s", "a rank's peak", "of peak", "floor ms", "of floor"}, phaseHeader()...))
	for _, x := range r.Results {
		tab.AppendRow(append(table.Row{
			x.Tokens, milliseconds(x.Median), milliseconds(x.Min), milliseconds(x.Max), fmt.Sprintf("%.0f", x.TokensPerSecond), fmt.Sprintf("%.0f", x.GFlops),
			fmt.Sprintf("%.1f", x.Peak), ofLimit(x.OfPeak), milliseconds(x.Floor), ofLimit(x.OfFloor),
		}, phaseRow(x.Seconds)...))
	}
	tab.Render()
}

func runBenchDecode(c *cli.Context, t terminal) error {
	sc, process, err := stackCaseOf(c, t)
	if err != nil {
		return err
	}
	dc := bench.DecodeCase{Batches: c.IntSlice("batch"), Context: c.Int("context")}
	if len(dc.Batches) == 0 || slices.Min(dc.Batches) < 1 || dc.Context < 1 {
		return usagef("bench decode: --batch %v, --context %d, want 1 or more", dc.Batches, dc.Context)
	}
	run := func() (*bench.DecodeReport, error) { return bench.Decode(process, sc, dc, partsOf(c, t)) }
	return answer(c, t, run, func(r *bench.DecodeReport) { printDecode(t, r) })
}

func printDecode(t terminal, r *bench.DecodeReport) {
	printStack(t, &r.StackReport, fmt.Sprintf("dropless; sequences of %d tokens, the last token verified against a sequence whole", r.Context))
	tab := output.NewTable(t.stdout)
	tab.AppendHeader(append(table.Row{"sequences", "median ms", "min", "max", "tokens/s", "MB read", "GB/s", "reads GB/s", "of reads", "floor ms", "of floor", "column-parallel"}, phaseHeader()...))
	for _, x := range r.Results {
		tab.AppendRow(append(table.Row{
			x.Batch, milliseconds(x.Median), milliseconds(x.Min), milliseconds(x.Max), fmt.Sprintf("%.1f", x.TokensPerSecond),
			fmt.Sprintf("%.0f", float64(x.Bytes)/1e6), fmt.Sprintf("%.1f", x.BytesPerSecond/1e9), fmt.Sprintf("%.1f", x.Reads/1e9), ofLimit(x.OfReads),
			milliseconds(x.Floor), ofLimit(x.OfFloor), x.ColumnParallel,
		}, phaseRow(x.Seconds)...))
	}
	tab.Render()
}

func printStack(t terminal, r *bench.StackReport, how string) {
	fmt.Fprintf(t.stdout, "%s: %d layers, H %d, %d experts, top %d, F %d, %d heads of %d, %s, %s\n", r.Shape.Name, r.Layers, r.Shape.Hidden, r.Shape.Experts, r.Shape.TopK, r.Shape.Inner, r.Shape.Attention.Heads, r.Shape.Attention.HeadDim, r.DType, r.Kernels)
	fmt.Fprintf(t.stdout, "%d ranks × %d threads; a rank's peak here %.1f GFLOP/s, reads %.1f GB/s; %s\n\n", r.Ranks, r.Threads, r.Peak, r.ReadBytes/1e9, how)
}

// phaseHeader and phaseRow are the phases of a layer, in milliseconds.
func phaseHeader() (row table.Row) {
	for p := layers.Attention; p <= layers.Combine; p++ {
		row = append(row, p.String())
	}
	return row
}

func phaseRow(seconds map[string]float64) (row table.Row) {
	for p := layers.Attention; p <= layers.Combine; p++ {
		row = append(row, fmt.Sprintf("%.1f", 1e3*seconds[p.String()]))
	}
	return row
}

func ofLimit(v float64) string { return fmt.Sprintf("%.1f %%", 100*v) }
