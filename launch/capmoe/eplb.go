package main

import (
	"capmoe/runtime"

	"github.com/urfave/cli/v2"
)

// eplbFlags are vLLM's names for expert load balancing.
func eplbFlags() []cli.Flag {
	const category = "Expert load balancing (EPLB)"
	return []cli.Flag{
		&cli.BoolFlag{Category: category, Name: "enable-eplb", Usage: "as --baseline eplb: dropless, experts placed and replicated by measured loads"},
		&cli.IntFlag{Category: category, Name: "num-redundant-experts", Usage: "`N` replicas added in every layer, over all ranks", DefaultText: "one per rank"},
		&cli.StringFlag{Category: category, Name: "eplb-loads", TakesFile: true, Usage: "JSON report `FILE` of an earlier run, for its loads", DefaultText: "measured on the first step"},
	}
}

// rebalance places the experts by load where the routing asks for it. first is the
// sequences of the run's first step.
func rebalance(c *cli.Context, t terminal, engine *runtime.Engine, routing runtime.Routing, first [][]int32) error {
	if routing.Baseline != "eplb" {
		return nil
	}
	redundant := t.world.Comm().Size()
	if redundant == 1 {
		redundant = 0
	}
	if c.IsSet("num-redundant-experts") {
		redundant = c.Int("num-redundant-experts")
	}
	var loads [][]int64
	var err error
	if path := c.String("eplb-loads"); path != "" {
		loads, err = engine.ReadLoads(path)
	} else {
		loads, err = engine.Measure(first)
	}
	if err != nil {
		return err
	}
	return engine.Rebalance(loads, redundant)
}
