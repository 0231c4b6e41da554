package main

import (
	"fmt"

	"capmoe/runtime"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/urfave/cli/v2"
)

func doctorCommand(t terminal) *cli.Command {
	return &cli.Command{
		Name:      "doctor",
		Usage:     "check MPI, kernels, mixture, cores and memory of every rank, and say what to fix",
		UsageText: "mpirun -n P capmoe doctor [flags]",
		Flags:     []cli.Flag{jsonFlag()},
		Action:    func(c *cli.Context) error { return runDoctor(c, t) },
	}
}

func runDoctor(c *cli.Context, t terminal) error {
	out, err := openJSON(c, t)
	if err != nil {
		return err
	}
	defer out.discard()
	findings, err := runtime.Examine(t.world.Process)
	if err != nil {
		return err
	}
	if err := out.write(t, map[string]any{"findings": findings}); err != nil {
		return err
	}
	if c.String("json") == "-" {
		return nil
	}
	tab := newTable(t.stdout)
	for _, f := range findings {
		verdict := "ok"
		if !f.OK {
			verdict = "LOOK"
		}
		tab.AppendRow(table.Row{verdict, f.What, f.Text})
		if f.Fix != "" {
			tab.AppendRow(table.Row{"", "", "→ " + f.Fix})
		}
	}
	tab.Render()
	fmt.Fprintln(t.stdout)
	return nil
}
