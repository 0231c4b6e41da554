package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"capmoe/launch/output"
	"capmoe/runtime/bench"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/urfave/cli/v2"
)

func benchCollectiveCommand(t terminal) *cli.Command {
	return &cli.Command{
		Name:      "collective",
		Usage:     "collectives from 64 bytes to 4 megabytes; alone, against a plain C program by turns",
		UsageText: "capmoe bench collective --ranks P [flags]\nmpirun -n P capmoe bench collective [flags]",
		Flags: []cli.Flag{
			&cli.IntFlag{Name: "ranks", Value: 2, Usage: "`P` ranks that mpirun starts, of capmoe and of the C program, when this process is alone"},
			&cli.StringSliceFlag{Name: "op", Value: cli.NewStringSlice("alltoallv"), Usage: strings.Join(bench.CollectiveOps, ", ") + "; several with commas"},
			&cli.IntSliceFlag{Name: "bytes", Value: cli.NewIntSlice(64, 256, 1<<10, 4<<10, 16<<10, 64<<10, 256<<10, 1<<20, 4<<20), Usage: "`N` from every rank to every other; several with commas"},
			&cli.IntFlag{Name: "turns", Value: 9, Usage: "`N` runs of each program"},
			&cli.IntFlag{Name: "repeats", Value: 15, Usage: "`N` timed repeats of many calls in a run"},
			jsonFlag(),
		},
		Action: func(c *cli.Context) error { return runBenchCollective(c, t) },
	}
}

func runBenchCollective(c *cli.Context, t terminal) error {
	for _, name := range []string{"ranks", "turns", "repeats"} {
		if c.Int(name) < 1 {
			return usagef("bench collective: --%s %d, want 1 or more", name, c.Int(name))
		}
	}
	var cases []bench.CollectiveCase
	for _, op := range c.StringSlice("op") {
		for _, bytes := range c.IntSlice("bytes") {
			k, err := bench.NewCollectiveCase(op, bytes)
			if err != nil {
				return usagef("%v", err)
			}
			cases = append(cases, k)
		}
	}
	if !t.world.Launched {
		run := func() (collectiveContest, error) { return compareCollectives(c, t, cases) }
		return answer(c, t, run, func(r collectiveContest) { printCollectiveContest(c, t, r) })
	}
	if c.IsSet("ranks") && c.Int("ranks") != t.world.Comm().Size() {
		return usagef("bench collective: --ranks %d under a launcher that has started %d", c.Int("ranks"), t.world.Comm().Size())
	}
	run := func() (bench.CollectiveReport, error) {
		return bench.Collective(t.world.Comm(), cases, c.Int("repeats"))
	}
	return answer(c, t, run, func(r bench.CollectiveReport) { printCollectives(c, t, r) })
}

func printCollectives(c *cli.Context, t terminal, r bench.CollectiveReport) {
	fmt.Fprintf(t.stdout, "%d ranks; slowest rank, median of %d repeats; every case verified\n\n", r.Ranks, c.Int("repeats"))
	tab := output.NewTable(t.stdout)
	tab.AppendHeader(table.Row{"operation", "bytes", "median µs", "min", "max", "algorithm GB/s", "bus GB/s"})
	for _, x := range r.Results {
		algorithm, bus := x.Rates(r.Ranks)
		tab.AppendRow(table.Row{x.Op, x.Bytes, micros(x.Median), micros(x.Min), micros(x.Max), fmt.Sprintf("%.2f", algorithm/1e9), fmt.Sprintf("%.2f", bus/1e9)})
	}
	tab.Render()
}

// collectiveContest is capmoe and a plain C program, by turns.
type collectiveContest struct {
	Ranks       int                `json:"ranks"`
	Turns       int                `json:"turns"`
	Comparisons []bench.Comparison `json:"comparisons"`
}

// compareCollectives starts both programs by turns.
func compareCollectives(c *cli.Context, t terminal, cases []bench.CollectiveCase) (r collectiveContest, err error) {
	flags := []string{"--repeats", strconv.Itoa(c.Int("repeats")), "--op", strings.Join(c.StringSlice("op"), ",")}
	for _, bytes := range c.IntSlice("bytes") {
		flags = append(flags, "--bytes", strconv.Itoa(bytes))
	}
	err = byTurns(c, t, flags, func(ctx context.Context, contest bench.Contest) (err error) {
		r.Ranks, r.Turns = contest.Ranks, contest.Turns
		r.Comparisons, err = contest.Collectives(ctx, cases)
		return err
	})
	return r, err
}

func printCollectiveContest(c *cli.Context, t terminal, r collectiveContest) {
	fmt.Fprintf(t.stdout, "%d ranks; capmoe and a plain C program on the same MPI by turns, medians of %d runs, each of %d repeats, slowest rank; ratio: of a run of each, the median; every case verified\n\n", r.Ranks, r.Turns, c.Int("repeats"))
	tab := output.NewTable(t.stdout)
	tab.AppendHeader(table.Row{"operation", "bytes", "capmoe µs", "min", "max", "C µs", "min", "max", "ratio", "bus GB/s"})
	for _, x := range r.Comparisons {
		_, bus := bench.CollectiveResult{Op: x.Op, Bytes: x.Bytes, Sample: x.Ours}.Rates(r.Ranks)
		tab.AppendRow(table.Row{x.Op, x.Bytes, micros(x.Ours.Median), micros(x.Ours.Min), micros(x.Ours.Max), micros(x.Plain.Median), micros(x.Plain.Min), micros(x.Plain.Max), fmt.Sprintf("%.2f×", x.Ratio), fmt.Sprintf("%.2f", bus/1e9)})
	}
	tab.Render()
}
