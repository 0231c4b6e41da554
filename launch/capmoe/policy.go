package main

import (
	"errors"
	"strconv"
	"strings"

	"capmoe/launch"
	"capmoe/layers/capacity"

	"github.com/urfave/cli/v2"
)

// policyFlags are the flags of a capacity policy, in the names of Megatron and of
// the design.
func policyFlags() []cli.Flag {
	const category = "Capacity"
	return []cli.Flag{
		&cli.StringFlag{Category: category, Name: "policy", Usage: "`NAME`: dropless, drop, reroute or expanded", DefaultText: "dropless, or drop if a capacity factor is given"},
		&cli.Float64Flag{Category: category, Name: "moe-expert-capacity-factor", Aliases: []string{"gamma"}, Usage: "an expert keeps at most `γ` × the mean load"},
		&cli.Float64Flag{Category: category, Name: "moe-expert-rank-capacity-factor", Usage: "a rank gets at most `γ` × the mean load"},
		&cli.Float64Flag{Category: category, Name: "moe-expert-node-capacity-factor", Usage: "a node gets at most `γ` × the mean load"},
		&cli.IntFlag{Category: category, Name: "min-capacity", Value: 1, Usage: "an expert's capacity is at least `N`"},
		&cli.StringFlag{Category: category, Name: "capacity-scope", Value: "global", Usage: "`SCOPE` of the selection: global or local"},
		&cli.StringFlag{Category: category, Name: "moe-token-drop-policy", Value: "probs", Usage: "whom drop keeps: `ORDER` probs, position, last or random"},
		&cli.IntFlag{Category: category, Name: "reroute-rounds", Usage: "`ROUNDS` of reroute in all; 0: until nobody is refused"},
		&cli.Float64Flag{Category: category, Name: "reroute-floor", Usage: "reroute accepts a substitute of at least `τ` × the refused score"},
		&cli.StringFlag{Category: category, Name: "expanded-experts", Value: "own", Usage: "experts that expanded offers: own, node, all, or a `LIST` of ids"},
		&cli.StringFlag{Category: category, Name: "renormalize", Value: "none", Usage: "rescale a token's kept weights: `RULE` none, original or unit"},
		&cli.StringFlag{Category: category, Name: "moe-router-weights", Value: "family", Usage: "`RULE` family, or raw: skip the family's normaliser"},
		&cli.Uint64Flag{Category: category, Name: "seed", Usage: "`SEED` of the order random"},
	}
}

// policyOf reads the policy of a command line and reports all its faults.
func policyOf(c *cli.Context) (capacity.Config, error) {
	cfg := capacity.Config{
		MinCapacity: c.Int("min-capacity"),
		Rounds:      c.Int("reroute-rounds"),
		Floor:       c.Float64("reroute-floor"),
		Seed:        c.Uint64("seed"),
		Expert:      factorOf(c, "moe-expert-capacity-factor"),
		Rank:        factorOf(c, "moe-expert-rank-capacity-factor"),
		Node:        factorOf(c, "moe-expert-node-capacity-factor"),
	}
	var faults [6]error
	name := c.String("policy")
	if name == "" {
		name = "dropless"
		if c.IsSet("moe-expert-capacity-factor") || c.IsSet("moe-expert-rank-capacity-factor") || c.IsSet("moe-expert-node-capacity-factor") {
			name = "drop"
		}
	}
	cfg.Policy, faults[0] = capacity.ParsePolicy(name)
	cfg.Order, faults[1] = capacity.ParseOrder(c.String("moe-token-drop-policy"))
	cfg.Scope, faults[2] = capacity.ParseScope(c.String("capacity-scope"))
	cfg.Renormalize, faults[3] = capacity.ParseRenormalize(c.String("renormalize"))
	cfg.Extra, faults[4] = extraOf(c.String("expanded-experts"))
	switch rule := c.String("moe-router-weights"); rule {
	case "family":
	case "raw":
		cfg.RawWeights = true
	default:
		faults[5] = usagef("router weights %q, want family or raw", rule)
	}
	if err := errors.Join(faults[:]...); err != nil {
		return cfg, &launch.UsageError{Err: err}
	}
	if err := applyAuthorsFlags(c, &cfg); err != nil {
		return cfg, err
	}
	if err := cfg.Validate(); err != nil {
		return cfg, &launch.UsageError{Err: err}
	}
	return cfg, nil
}

func factorOf(c *cli.Context, name string) capacity.Factor {
	if !c.IsSet(name) {
		return capacity.Factor{}
	}
	return capacity.Times(c.Float64(name))
}

func extraOf(text string) (capacity.Extra, error) {
	switch text {
	case "own":
		return capacity.Extra{Kind: capacity.OwnRank}, nil
	case "node":
		return capacity.Extra{Kind: capacity.OwnNode}, nil
	case "all":
		return capacity.Extra{Kind: capacity.AllExperts}, nil
	}
	extra := capacity.Extra{Kind: capacity.ListedExperts}
	for _, field := range strings.Split(text, ",") {
		id, err := strconv.Atoi(strings.TrimSpace(field))
		if err != nil {
			return extra, usagef("expanded experts %q: want own, node, all, or expert ids with commas between them", text)
		}
		extra.Experts = append(extra.Experts, id)
	}
	return extra, nil
}
