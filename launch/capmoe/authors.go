package main

import (
	"capmoe/layers/capacity"

	"github.com/urfave/cli/v2"
)

// authorsFlags are the names of the paper's own code.
func authorsFlags() []cli.Flag {
	const category = "Capacity, in the names of the paper's code"
	return []cli.Flag{
		&cli.Float64Flag{Category: category, Name: "expert_capacity", Usage: "as --moe-expert-capacity-factor"},
		&cli.StringFlag{Category: category, Name: "strategy", Usage: "`NAME` score, first, last or random (drop), reroute, overselect (expanded)"},
		&cli.IntFlag{Category: category, Name: "rounds", Usage: "as --reroute-rounds"},
		&cli.StringFlag{Category: category, Name: "local_expert_indices", Usage: "as --expanded-experts"},
		&cli.BoolFlag{Category: category, Name: "renormalize_after_capacity_drop", Usage: "as --renormalize unit"},
	}
}

// strategies are the authors' words for a policy and an order.
var strategies = map[string]capacity.Config{
	"score":      {Policy: capacity.Drop, Order: capacity.Probs},
	"first":      {Policy: capacity.Drop, Order: capacity.Position},
	"last":       {Policy: capacity.Drop, Order: capacity.Last},
	"random":     {Policy: capacity.Drop, Order: capacity.Random},
	"reroute":    {Policy: capacity.Reroute},
	"overselect": {Policy: capacity.Expanded, Extra: capacity.Extra{Kind: capacity.AllExperts}},
}

// sameFlags are the authors' names beside the names that they stand for.
var sameFlags = [][2]string{
	{"expert_capacity", "moe-expert-capacity-factor"}, {"strategy", "policy"}, {"strategy", "moe-token-drop-policy"}, {"rounds", "reroute-rounds"},
	{"local_expert_indices", "expanded-experts"}, {"renormalize_after_capacity_drop", "renormalize"},
}

func applyAuthorsFlags(c *cli.Context, cfg *capacity.Config) error {
	for _, pair := range sameFlags {
		if c.IsSet(pair[0]) && c.IsSet(pair[1]) {
			return usagef("%s: --%s and --%s: want one of them", nameOf(c), pair[0], pair[1])
		}
	}
	if c.IsSet("expert_capacity") {
		cfg.Expert = capacity.Times(c.Float64("expert_capacity"))
		if !c.IsSet("strategy") && !c.IsSet("policy") {
			cfg.Policy = capacity.Drop
		}
	}
	if name := c.String("strategy"); name != "" {
		s, known := strategies[name]
		if !known {
			return usagef("--strategy %q, want score, first, last, random, reroute or overselect", name)
		}
		cfg.Policy, cfg.Order, cfg.Extra = s.Policy, s.Order, s.Extra
	}
	if c.IsSet("rounds") {
		cfg.Rounds = c.Int("rounds")
	}
	if c.IsSet("local_expert_indices") {
		extra, err := extraOf(c.String("local_expert_indices"))
		if err != nil {
			return err
		}
		cfg.Extra = extra
	}
	if c.Bool("renormalize_after_capacity_drop") {
		cfg.Renormalize = capacity.UnitMass
	}
	return nil
}
