package main

import (
	"fmt"

	"capmoe/launch/output"
	"capmoe/layers/kernel"
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
		noEffect(c, "without --model", "ranks", "dtype")
	}
	ranks := t.world.Comm().Size()
	if c.IsSet("ranks") {
		ranks = c.Int("ranks")
	}
	if ranks < 1 {
		return usagef("doctor: --ranks %d, want 1 or more", ranks)
	}
	run := func() (*examination, error) { return examine(t, c.String("model"), ranks, dtype) }
	return answer(c, t, run, func(e *examination) { printFindings(t, e.Findings) })
}

// examination is what doctor has found.
type examination struct {
	Findings []runtime.Finding       `json:"findings"`
	Model    *runtime.MemoryEstimate `json:"model,omitempty"`
}

// examine looks at the job and, where one is named, at a model on so many ranks.
func examine(t terminal, model string, ranks int, dtype kernel.DType) (*examination, error) {
	findings, err := runtime.Examine(t.world.Process)
	if err != nil || model == "" {
		return &examination{Findings: findings}, err
	}
	estimate, err := runtime.EstimateMemory(t.world.Process, model, ranks, dtype)
	if err != nil {
		return nil, err
	}
	return &examination{Findings: append(findings, estimate.Finding()), Model: estimate}, nil
}

func printFindings(t terminal, findings []runtime.Finding) {
	tab := output.NewTable(t.stdout)
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
}
