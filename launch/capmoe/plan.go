package main

import (
	"fmt"

	"capmoe/launch/output"
	"capmoe/runtime"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/urfave/cli/v2"
)

func planCommand(t terminal) *cli.Command {
	return &cli.Command{
		Name:      "plan",
		Usage:     "router scores → kept pairs, weights and loads under any policy",
		UsageText: "[mpirun -n P] capmoe plan --scores FILE --topk K [flags]",
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "scores", TakesFile: true, Usage: "safetensors `FILE` with router scores [T, E]"},
			&cli.StringFlag{Name: "tensor", Usage: "`NAME` of the tensor", DefaultText: "scores, logits, or the only one of 2 dimensions"},
			&cli.IntFlag{Name: "topk", Aliases: []string{"moe-router-topk"}, Usage: "`K` choices of a token"},
			&cli.StringFlag{Name: "input", Value: "scores", Usage: "what the tensor holds: `KIND` scores or logits"},
			&cli.StringFlag{Name: "moe-router-score-function", Value: "softmax", Usage: "logits to scores: `NAME` softmax or sigmoid"},
			&cli.BoolFlag{Name: "moe-router-pre-softmax", Usage: "softmax over all experts; unset: over the chosen K"},
			&cli.StringFlag{Name: "priority", Usage: "`NAME` of a uint8 tensor [T] of priority classes; higher ones are kept first"},
			&cli.StringFlag{Name: "out", TakesFile: true, Usage: "safetensors `FILE` of experts int32 [T, M] (-1: none) and weights float32 [T, M]"},
			jsonFlag(),
		}, append(policyFlags(), authorsFlags()...)...),
		Action: func(c *cli.Context) error { return runPlan(c, t) },
	}
}

func runPlan(c *cli.Context, t terminal) error {
	if err := required(c, "scores"); err != nil {
		return err
	}
	job, err := planJob(c)
	if err != nil {
		return err
	}
	run := func() (*runtime.PlanReport, error) { return runtime.PlanScores(t.world.Process, job) }
	return answer(c, t, run, func(r *runtime.PlanReport) { printPlan(t, r) })
}

func planJob(c *cli.Context) (runtime.PlanJob, error) {
	job := runtime.PlanJob{
		Scores: runtime.ScoreFile{
			Path: c.String("scores"), Tensor: c.String("tensor"),
			Logits: c.String("input") == "logits", Sigmoid: c.String("moe-router-score-function") == "sigmoid",
			PreSoftmax: c.Bool("moe-router-pre-softmax"),
		},
		TopK: c.Int("topk"), Class: c.String("priority"), Out: c.String("out"),
	}
	if job.TopK < 1 {
		return job, usagef("plan: --topk %d, want 1 or more", job.TopK)
	}
	if in := c.String("input"); in != "scores" && in != "logits" {
		return job, usagef("plan: --input %q, want scores or logits", in)
	}
	if !job.Scores.Logits {
		noEffect(c, "with --input scores", "moe-router-score-function", "moe-router-pre-softmax")
	}
	if job.Scores.Sigmoid {
		noEffect(c, "with --moe-router-score-function sigmoid", "moe-router-pre-softmax")
	}
	if f := c.String("moe-router-score-function"); f != "softmax" && f != "sigmoid" {
		return job, usagef("plan: --moe-router-score-function %q, want softmax or sigmoid", f)
	}
	var err error
	job.Routing, err = routingOf(c)
	if err == nil && job.Routing.Baseline == "eplb" {
		return job, usagef("plan: EPLB places experts and drops nothing: there is no plan to show; see eval --enable-eplb")
	}
	if err == nil {
		idleWire(c, job.Routing)
		idleSeed(c, job.Routing)
	}
	return job, err
}

func printPlan(t terminal, r *runtime.PlanReport) {
	printReport(t.stdout, &r.Report)
	fmt.Fprintln(t.stdout)
	tab := output.NewTable(t.stdout)
	tab.AppendHeader(table.Row{"expert", "load before", "after"})
	for e, n := range r.ExpertLoadBefore {
		tab.AppendRow(table.Row{e, n, r.ExpertLoadAfter[e]})
	}
	tab.Render()
}
