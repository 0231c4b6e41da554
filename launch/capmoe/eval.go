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
	return &cli.StringFlag{Name: "dtype", Value: "f32", Usage: "`TYPE` of the products with weights, and of keys and values: f32 or bf16; sums are f32"}
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
		noEffect(c, "with --tasks", "window", "max-tokens")
	}
	dtype, err := dtypeOf(c)
	if err != nil {
		return err
	}
	routing, err := routingOf(c)
	if err != nil {
		return err
	}
	idleSeed(c, routing)
	v := runtime.Evaluation{Window: c.Int("window"), Batch: c.Int("batch"), MaxTokens: c.Int("max-tokens")}
	if err := v.Validate(); err != nil {
		return &launch.UsageError{Err: err}
	}
	e := evaluation{Evaluation: v, dtype: dtype, routing: routing}
	if c.String("tasks") != "" {
		run := func() (*runtime.TaskReport, error) { return e.tasks(c, t) }
		return answer(c, t, run, func(r *runtime.TaskReport) { printTasks(t, r) })
	}
	run := func() (*runtime.EvaluationReport, error) { return e.text(c, t) }
	return answer(c, t, run, func(r *runtime.EvaluationReport) { printEvaluation(t, r) })
}

// evaluation is what the command line says.
type evaluation struct {
	runtime.Evaluation
	dtype   kernel.DType
	routing runtime.Routing
}

// text evaluates --text.
func (e evaluation) text(c *cli.Context, t terminal) (*runtime.EvaluationReport, error) {
	engine, err := e.load(c, t)
	if err != nil {
		return nil, err
	}
	ids, err := engine.ReadText(c.String("text"))
	if err != nil {
		return nil, err
	}
	timeline, err := e.begin(c, t, engine, e.FirstStep(ids))
	if err != nil {
		return nil, err
	}
	defer timeline.Discard()
	report, err := engine.Evaluate(ids, e.Evaluation, progress(t.stderr, "window"))
	if err != nil {
		return nil, err
	}
	report.Text = c.String("text")
	return report, timeline.Finish()
}

// tasks answers --tasks.
func (e evaluation) tasks(c *cli.Context, t terminal) (*runtime.TaskReport, error) {
	engine, err := e.load(c, t)
	if err != nil {
		return nil, err
	}
	tasks, err := engine.ReadTasks(c.String("tasks"))
	if err != nil {
		return nil, err
	}
	timeline, err := e.begin(c, t, engine, tasks.FirstStep(e.Batch))
	if err != nil {
		return nil, err
	}
	defer timeline.Discard()
	report, err := engine.Answer(tasks, e.Batch, progress(t.stderr, "choice"))
	if err != nil {
		return nil, err
	}
	return report, timeline.Finish()
}

func (e evaluation) load(c *cli.Context, t terminal) (*runtime.Engine, error) {
	return loadModel(c, t, runtime.LoadOptions{DType: e.dtype})
}

// begin places the experts, for which first is the first step's sequences, and takes up
// the routing. The timeline is nil without --timeline.
func (e evaluation) begin(c *cli.Context, t terminal, engine *runtime.Engine, first [][]int32) (*runtime.Timeline, error) {
	timeline, err := openTimeline(c, t)
	if err != nil {
		return nil, err
	}
	if err = rebalance(c, t, engine, e.routing, first); err == nil {
		engine.Follow(timeline)
		err = engine.Use(e.routing)
	}
	if err != nil {
		timeline.Discard()
	}
	return timeline, err
}

func printTasks(t terminal, r *runtime.TaskReport) {
	show := func(p runtime.Proportion) string {
		return fmt.Sprintf("%.2f %% (95 %% interval %.2f to %.2f)", 100*p.Value, 100*p.Low, 100*p.High)
	}
	fmt.Fprintf(t.stdout, "accuracy %s, per character %s, of %d questions\n\n", show(r.Accuracy), show(r.AccuracyNorm), r.Questions)
	printReport(t.stdout, &r.Report)
}

func printEvaluation(t terminal, r *runtime.EvaluationReport) {
	fmt.Fprintf(t.stdout, "perplexity %.4f over %d targets (%d tokens in windows of %d, %d windows a step)\n\n", r.Perplexity, r.Targets, r.Tokens, r.Window, r.Batch)
	printReport(t.stdout, &r.Report)
	printCrowded(t, wallTimeCrowded)
}
