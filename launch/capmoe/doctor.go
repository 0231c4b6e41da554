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
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "model", Usage: "also say whether the weights of model `DIR` fit, from its config.json alone"},
			&cli.IntFlag{Name: "ranks", Usage: "on `P` ranks", DefaultText: "those of this job"},
			dtypeFlag(),
			jsonFlag(),
		},
		Action: func(c *cli.Context) error { return runDoctor(c, t) },
	}
}

func runDoctor(c *cli.Context, t terminal) error {
	dtype, err := dtypeOf(c)
	if err != nil {
		return err
	}
	if c.String("model") == "" {
		if err := noEffect(c, "without --model", "ranks", "dtype"); err != nil {
			return err
		}
	}
	ranks := t.world.Comm().Size()
	if c.IsSet("ranks") {
		ranks = c.Int("ranks")
	}
	if ranks < 1 {
		return usagef("doctor: --ranks %d, want 1 or more", ranks)
	}
	out, err := openJSON(c, t)
	if err != nil {
		return err
	}
	defer out.discard()
	findings, err := runtime.Examine(t.world.Process)
	if err != nil {
		return err
	}
	result := map[string]any{}
	if path := c.String("model"); path != "" {
		estimate, err := runtime.EstimateMemory(t.world.Process, path, ranks, dtype)
		if err != nil {
			return err
		}
		findings = append(findings, estimate.Finding())
		result["model"] = estimate
	}
	result["findings"] = findings
	if err := out.write(t, result); err != nil {
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
