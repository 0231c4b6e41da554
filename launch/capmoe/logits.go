package main

import (
	"fmt"

	"capmoe/runtime"

	"github.com/urfave/cli/v2"
)

func logitsCommand(t terminal) *cli.Command {
	return &cli.Command{
		Name:      "logits",
		Usage:     "logits of token ids, to compare with another implementation",
		UsageText: "mpirun -n P capmoe logits --model DIR --tokens FILE.json --out FILE.safetensors [flags]",
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "model", Usage: "Hugging Face model `DIR`"},
			&cli.StringFlag{Name: "tokens", TakesFile: true, Usage: "`FILE` of {\"sequences\": [[id, …], …]}"},
			&cli.StringFlag{Name: "out", TakesFile: true, Usage: "safetensors `FILE` of float32 tensors logits.0, logits.1, … [len, vocab]"},
			&cli.IntFlag{Name: "batch", Usage: "sequences of a step, over which capacity is decided; 0: `B` is all of them"},
			dtypeFlag(),
			jsonFlag(),
		}, append(policyFlags(), eplbFlags()...)...),
		Action: func(c *cli.Context) error { return runLogits(c, t) },
	}
}

func runLogits(c *cli.Context, t terminal) error {
	if err := required(c, "model", "tokens", "out"); err != nil {
		return err
	}
	dtype, err := dtypeOf(c)
	if err != nil {
		return err
	}
	if c.Int("batch") < 0 {
		return usagef("batch of %d sequences, want 1 or more, or 0 for all", c.Int("batch"))
	}
	routing, err := routingOf(c)
	if err != nil {
		return err
	}
	idleSeed(c, routing)
	sequences := 0
	run := func() (*runtime.Report, error) {
		engine, err := loadModel(c, t, runtime.LoadOptions{DType: dtype})
		if err != nil {
			return nil, err
		}
		tokens, err := engine.ReadSequences(c.String("tokens"))
		if err != nil {
			return nil, err
		}
		sequences = len(tokens)
		if err := rebalance(c, t, engine, routing, tokens); err != nil {
			return nil, err
		}
		if err := engine.Use(routing); err != nil {
			return nil, err
		}
		if err := engine.WriteLogits(c.String("out"), tokens, c.Int("batch")); err != nil {
			return nil, err
		}
		return engine.Report()
	}
	return answer(c, t, run, func(r *runtime.Report) {
		fmt.Fprintf(t.stdout, "logits of %d sequences, %d tokens, in %s\n\n", sequences, r.Tokens, c.String("out"))
		printReport(t.stdout, r)
	})
}
