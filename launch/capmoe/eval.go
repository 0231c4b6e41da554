package main

import (
	"fmt"

	"capmoe/launch"
	"capmoe/runtime"

	"github.com/urfave/cli/v2"
)

func evalCommand(t terminal) *cli.Command {
	return &cli.Command{
		Name:      "eval",
		Usage:     "perplexity of a text under a capacity policy",
		UsageText: "mpirun -n P capmoe eval --model DIR --text FILE [flags]",
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "model", Usage: "Hugging Face model `DIR`"},
			&cli.StringFlag{Name: "text", Usage: "UTF-8 text `FILE`"},
			&cli.IntFlag{Name: "window", Value: 256, Usage: "tokens of a window: `W` independent tokens from position 0"},
			&cli.IntFlag{Name: "batch", Value: 8, Usage: "windows of a step: capacity is decided over `B` × W tokens"},
			&cli.IntFlag{Name: "max-tokens", Usage: "use the first `N` tokens of the text; 0: all"},
			dtypeFlag(),
			jsonFlag(),
		}, append(policyFlags(), eplbFlags()...)...),
		Action: func(c *cli.Context) error { return runEval(c, t) },
	}
}

func dtypeFlag() cli.Flag {
	return &cli.StringFlag{Name: "dtype", Value: "f32", Usage: "`TYPE` of the arithmetic: f32"}
}

func checkDType(c *cli.Context) error {
	if d := c.String("dtype"); d != "f32" {
		return usagef("dtype %q, want f32", d)
	}
	return nil
}

func runEval(c *cli.Context, t terminal) error {
	if err := required(c, "model", "text"); err != nil {
		return err
	}
	if err := checkDType(c); err != nil {
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
	engine, err := runtime.Load(t.world.Process, c.String("model"))
	if err != nil {
		return err
	}
	ids, err := engine.ReadText(c.String("text"))
	if err != nil {
		return err
	}
	if err := rebalance(c, t, engine, routing, v.FirstStep(ids)); err != nil {
		return err
	}
	if err := engine.Use(routing); err != nil {
		return err
	}
	report, err := engine.Evaluate(ids, v, progress(t.stderr, "window"))
	if err != nil {
		return err
	}
	report.Text = c.String("text")
	if err := out.write(t, report); err != nil {
		return err
	}
	if c.String("json") != "-" {
		printEvaluation(t, report)
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
