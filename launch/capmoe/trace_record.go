package main

import (
	"fmt"
	"strconv"

	"capmoe/runtime"

	"github.com/urfave/cli/v2"
)

func traceRecordCommand(t terminal) *cli.Command {
	return &cli.Command{
		Name:      "record",
		Usage:     "run a text through a model, dropless, and write what its routers score",
		UsageText: "mpirun -n P capmoe trace record --model DIR --text FILE --out FILE.routing [flags]",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "model", Usage: "Hugging Face model `DIR`"},
			&cli.StringFlag{Name: "text", TakesFile: true, Usage: "UTF-8 text `FILE`"},
			&cli.StringFlag{Name: "out", TakesFile: true, Usage: "`FILE`.routing to write, the same for any number of ranks"},
			&cli.StringFlag{Name: "top", Value: "all", Usage: "keep the scores of a token's best `M` experts, or all"},
			&cli.IntFlag{Name: "window", Value: 256, Usage: "tokens of a window: `W` independent tokens from position 0"},
			&cli.IntFlag{Name: "batch", Value: 8, Usage: "`B` windows of a step"},
			&cli.IntFlag{Name: "max-tokens", Usage: "use the first `N` tokens of the text; 0: all"},
			dtypeFlag(),
		},
		Action: func(c *cli.Context) error { return runTraceRecord(c, t) },
	}
}

func runTraceRecord(c *cli.Context, t terminal) error {
	if err := required(c, "model", "text", "out"); err != nil {
		return err
	}
	dtype, err := dtypeOf(c)
	if err != nil {
		return err
	}
	job := runtime.Recording{
		Evaluation: runtime.Evaluation{Window: c.Int("window"), Batch: c.Int("batch"), MaxTokens: c.Int("max-tokens")},
		Text:       c.String("text"),
	}
	if job.Top, err = topOf(c); err != nil {
		return err
	}
	if err := job.Validate(); err != nil {
		return usageError(err)
	}
	engine, err := loadModel(c, t, runtime.LoadOptions{DType: dtype})
	if err != nil {
		return err
	}
	ids, err := engine.ReadText(c.String("text"))
	if err != nil {
		return err
	}
	info, err := engine.Record(ids, job, c.String("out"), progress(t.stderr, "window"))
	if err != nil {
		return err
	}
	fmt.Fprintf(t.stdout, "%s: %s\n", c.String("out"), describeTrace(*info))
	return nil
}

// topOf is how many experts of a token are kept; 0: all.
func topOf(c *cli.Context) (int, error) {
	top := c.String("top")
	if top == "all" {
		return 0, nil
	}
	m, err := strconv.Atoi(top)
	if err != nil || m < 1 {
		return 0, usagef("%s: --top %q, want all, or 1 or more", nameOf(c), top)
	}
	return m, nil
}
