package main

import (
	"fmt"

	"capmoe/launch"
	"capmoe/layers/kernel"
	"capmoe/runtime"

	"github.com/urfave/cli/v2"
)

func evalCommand(t terminal) *cli.Command {
	return &cli.Command{
		Name:      "eval",
		Usage:     "perplexity of a text, or accuracy of multiple choice, under a capacity policy",
		UsageText: "mpirun -n P capmoe eval --model DIR {--text FILE | --tasks FILE.jsonl} [flags]",
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "model", Usage: "Hugging Face model `DIR`"},
			&cli.StringFlag{Name: "text", TakesFile: true, Usage: "UTF-8 text `FILE`"},
			&cli.StringFlag{Name: "tasks", TakesFile: true, Usage: "`FILE` of {\"context\", \"choices\", \"gold\"}, one a line: multiple choice by log-likelihood, instead of --text"},
			&cli.IntFlag{Name: "window", Value: 256, Usage: "tokens of a window: `W` independent tokens from position 0"},
			&cli.IntFlag{Name: "batch", Value: 8, Usage: "`B` windows, or choices, of a step: capacity is decided over their tokens"},
			&cli.IntFlag{Name: "max-tokens", Usage: "use the first `N` tokens of the text; 0: all"},
			dtypeFlag(),
			timelineFlag(),
			jsonFlag(),
		}, append(policyFlags(), eplbFlags()...)...),
		Action: func(c *cli.Context) error { return runEval(c, t) },
	}
}

func dtypeFlag() cli.Flag {
	return &cli.StringFlag{Name: "dtype", Value: "f32", Usage: "`TYPE` of the products with weights: f32 or bf16; sums are f32"}
}

func dtypeOf(c *cli.Context) (kernel.DType, error) {
	dtype, err := kernel.ParseDType(c.String("dtype"))
	if err != nil {
		return 0, usagef("dtype %q, want f32 or bf16", c.String("dtype"))
	}
	return dtype, nil
}

func runEval(c *cli.Context, t terminal) error {
	if err := required(c, "model"); err != nil {
		return err
	}
	if (c.String("text") == "") == (c.String("tasks") == "") {
		return usagef("eval: want one of --text FILE and --tasks FILE.jsonl")
	}
	if c.String("tasks") != "" {
		if err := noEffect(c, "with --tasks", "window", "max-tokens"); err != nil {
			return err
		}
	}
	dtype, err := dtypeOf(c)
	if err != nil {
		return err
	}
	routing, err := routingOf(c)
	if err != nil {
		return err
	}
	v := runtime.Evaluation{Window: c.Int("window"), Batch: c.Int("batch"), MaxTokens: c.Int("max-tokens")}
	if err := v.Validate(); err != nil {
		return &launch.UsageError{Err: err}
	}
	out, err := openJSON(c, t)
	if err != nil {
		return err
	}
	defer out.discard()
	engine, err := runtime.Load(t.world.Process, c.String("model"), runtime.LoadOptions{DType: dtype})
	if err != nil {
		return err
	}
	timeline, err := openTimeline(c, t)
	if err != nil {
		return err
	}
	defer timeline.Discard()
	if c.String("tasks") != "" {
		return evalTasks(c, t, engine, routing, out, timeline)
	}
	return evalText(c, t, engine, routing, out, v, timeline)
}

func evalText(c *cli.Context, t terminal, engine *runtime.Engine, routing runtime.Routing, out *jsonOutput, v runtime.Evaluation, timeline *runtime.Timeline) error {
	ids, err := engine.ReadText(c.String("text"))
	if err != nil {
		return err
	}
	if err := rebalance(c, t, engine, routing, v.FirstStep(ids)); err != nil {
		return err
	}
	engine.Follow(timeline)
	if err := engine.Use(routing); err != nil {
		return err
	}
	report, err := engine.Evaluate(ids, v, progress(t.stderr, "window"))
	if err != nil {
		return err
	}
	report.Text = c.String("text")
	if err := timeline.Finish(); err != nil {
		return err
	}
	if err := out.write(t, report); err != nil {
		return err
	}
	if c.String("json") != "-" {
		printEvaluation(t, report)
	}
	return nil
}

func evalTasks(c *cli.Context, t terminal, engine *runtime.Engine, routing runtime.Routing, out *jsonOutput, timeline *runtime.Timeline) error {
	tasks, err := engine.ReadTasks(c.String("tasks"))
	if err != nil {
		return err
	}
	batch := c.Int("batch")
	if err := rebalance(c, t, engine, routing, tasks.FirstStep(batch)); err != nil {
		return err
	}
	engine.Follow(timeline)
	if err := engine.Use(routing); err != nil {
		return err
	}
	report, err := engine.Answer(tasks, batch, progress(t.stderr, "choice"))
	if err != nil {
		return err
	}
	if err := timeline.Finish(); err != nil {
		return err
	}
	if err := out.write(t, report); err != nil {
		return err
	}
	if c.String("json") != "-" {
		show := func(p runtime.Proportion) string {
			return fmt.Sprintf("%.2f %% (95 %% interval %.2f to %.2f)", 100*p.Value, 100*p.Low, 100*p.High)
		}
		fmt.Fprintf(t.stdout, "accuracy %s, per character %s, of %d questions\n\n", show(report.Accuracy), show(report.AccuracyNorm), report.Questions)
		printReport(t.stdout, &report.Report)
	}
	return nil
}

func printEvaluation(t terminal, r *runtime.EvaluationReport) {
	fmt.Fprintf(t.stdout, "perplexity %.4f over %d targets (%d tokens in windows of %d, %d windows a step)\n\n", r.Perplexity, r.Targets, r.Tokens, r.Window, r.Batch)
	printReport(t.stdout, &r.Report)
	if t.world.Process.Crowded {
		fmt.Fprintf(t.stdout, "\n%d ranks share fewer cores: wall time is not what dedicated cores would show, the critical path is.\n", r.Ranks)
	}
}
