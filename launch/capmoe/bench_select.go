package main

import (
	"fmt"

	"capmoe/launch/output"
	"capmoe/runtime/bench"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/urfave/cli/v2"
)

func benchSelectCommand(t terminal) *cli.Command {
	return &cli.Command{
		Name:      "select",
		Usage:     "two ways to agree on whom an overloaded expert keeps: its owner selects, or all-reduced histograms",
		UsageText: "mpirun -n P capmoe bench select [flags]",
		Flags: []cli.Flag{
			&cli.IntSliceFlag{Name: "tokens", Value: cli.NewIntSlice(16, 256, 1024, 8192, 65536), Usage: "`T`, tokens of the step over all ranks; several with commas"},
			&cli.IntSliceFlag{Name: "overloaded", Value: cli.NewIntSlice(2, 8, 32), Usage: "`N` overloaded experts of 64; several with commas"},
			&cli.IntFlag{Name: "repeats", Value: 31, Usage: "`N` timed selections of each case"},
			jsonFlag(),
		},
		Action: func(c *cli.Context) error { return runBenchSelect(c, t) },
	}
}

func runBenchSelect(c *cli.Context, t terminal) error {
	if c.Int("repeats") < 1 {
		return usagef("bench select: --repeats %d, want 1 or more", c.Int("repeats"))
	}
	for _, tokens := range c.IntSlice("tokens") {
		for _, overloaded := range c.IntSlice("overloaded") {
			if tokens < 1 || overloaded < 1 || overloaded > 64 {
				return usagef("bench select: %d tokens, %d overloaded experts, want 1 or more, and at most 64 experts", tokens, overloaded)
			}
		}
	}
	done, cases := partsOf(c, t), len(c.IntSlice("tokens"))*len(c.IntSlice("overloaded"))
	run := func() (s selected, err error) {
		for _, tokens := range c.IntSlice("tokens") {
			for _, overloaded := range c.IntSlice("overloaded") {
				r, err := bench.Select(t.world.Comm(), tokens, overloaded, c.Int("repeats"))
				if err != nil {
					return s, err
				}
				s.Selections = append(s.Selections, r)
				done(len(s.Selections), cases)
			}
		}
		return s, nil
	}
	return answer(c, t, run, func(s selected) {
		fmt.Fprintf(t.stdout, "one selection on %d ranks, slowest rank, median of %d; both find the same bars\n\n", t.world.Comm().Size(), c.Int("repeats"))
		printSelections(t, s.Selections)
	})
}

// selected is what bench select has measured.
type selected struct {
	Selections []bench.SelectResult `json:"selections"`
}

func printSelections(t terminal, results []bench.SelectResult) {
	tab := output.NewTable(t.stdout)
	tab.AppendHeader(table.Row{"T", "overloaded", "owner µs", "bytes", "histograms µs", "bytes"})
	for _, r := range results {
		tab.AppendRow(table.Row{r.Tokens, r.Overloaded, wholeMicros(r.Owner.Median), r.OwnerBytes, wholeMicros(r.Histogram.Median), r.HistoBytes})
	}
	tab.Render()
}
