package main

import (
	"errors"
	"strconv"
	"strings"

	"capmoe/launch"
	"capmoe/layers"
	"capmoe/layers/capacity"
	"capmoe/runtime"

	"github.com/urfave/cli/v2"
)

// policyFlags are the flags of a capacity policy, in the names of Megatron and of
// the design.
func policyFlags() []cli.Flag {
	const category = "Capacity"
	return []cli.Flag{
		&cli.StringFlag{Category: category, Name: "policy", Usage: "`NAME`: dropless, drop, reroute or expanded", DefaultText: "dropless, or drop if a capacity factor is given"},
		&cli.Float64Flag{Category: category, Name: "moe-expert-capacity-factor", Aliases: []string{"gamma"}, Usage: "an expert keeps at most `γ` × the mean load", DefaultText: "no bound"},
		&cli.Float64Flag{Category: category, Name: "moe-expert-rank-capacity-factor", Usage: "a rank gets at most `γ` × the mean load", DefaultText: "no bound"},
		&cli.Float64Flag{Category: category, Name: "moe-expert-node-capacity-factor", Usage: "a node gets at most `γ` × the mean load", DefaultText: "no bound"},
		&cli.IntFlag{Category: category, Name: "min-capacity", Value: 1, Usage: "an expert's capacity is at least `N`"},
		&cli.StringFlag{Category: category, Name: "capacity-scope", Value: "global", Usage: "`SCOPE` of the selection: global or local"},
		&cli.StringFlag{Category: category, Name: "moe-token-drop-policy", Value: "probs", Usage: "whom drop keeps: `ORDER` probs, position, last or random"},
		&cli.IntFlag{Category: category, Name: "reroute-rounds", Usage: "`ROUNDS` of reroute in all; 0: until nobody is refused"},
		&cli.Float64Flag{Category: category, Name: "reroute-floor", Usage: "reroute accepts a substitute of at least `τ` × the refused score"},
		&cli.StringFlag{Category: category, Name: "expanded-experts", Value: "own", Usage: "experts that expanded offers: own, node, all, or a `LIST` of ids"},
		&cli.StringFlag{Category: category, Name: "renormalize", Value: "none", Usage: "rescale a token's kept weights: `RULE` none, original or unit"},
		&cli.StringFlag{Category: category, Name: "moe-router-weights", Value: "family", Usage: "`RULE` family, or raw: skip the family's normaliser"},
		&cli.Uint64Flag{Category: category, Name: "seed", Usage: "`SEED` of what is drawn at random: the order random, sampled tokens"},
		&cli.StringFlag{Category: category, Name: "moe-token-dispatcher-type", Value: "alltoall", Usage: "`WIRE` alltoall, allgather, or hierarchical: between nodes each row once"},
		&cli.StringFlag{Category: category, Name: "a2a-ffn-overlap-degree", Value: "auto", Usage: "rows travel between nodes in `N` chunks of experts while others compute; auto: measured in the first steps"},
		&cli.BoolFlag{Category: category, Name: "moe-pad-expert-input-to-capacity", Usage: "send every expert its capacity of rows, empty ones too (policy drop, scope local)"},
		&cli.StringFlag{Category: category, Name: "baseline", Usage: "another system's dialect: `NAME` " + strings.Join(layers.Baselines(), ", ")},
	}
}

// routingOf reads the routing of a command line and reports all its faults.
func routingOf(c *cli.Context) (runtime.Routing, error) {
	r := runtime.Routing{Baseline: c.String("baseline")}
	policy, err := policyOf(c)
	if err != nil {
		return r, err
	}
	r.Policy = policy
	if c.Bool("enable-eplb") {
		if r.Baseline != "" && r.Baseline != "eplb" {
			return r, usagef("--enable-eplb and --baseline %s: want one of them", r.Baseline)
		}
		r.Baseline = "eplb"
	}
	for _, name := range []string{"num-redundant-experts", "eplb-loads"} {
		if c.IsSet(name) && r.Baseline != "eplb" {
			return r, usagef("--%s needs --enable-eplb", name)
		}
	}
	if n := c.Int("num-redundant-experts"); n < 0 {
		return r, usagef("--num-redundant-experts %d, want 0 or more", n)
	}
	if r.Wire, err = layers.ParseWire(c.String("moe-token-dispatcher-type")); err != nil {
		return r, &launch.UsageError{Err: err}
	}
	if r.Overlap, err = overlapOf(c.String("a2a-ffn-overlap-degree")); err != nil {
		return r, err
	}
	switch pad := c.Bool("moe-pad-expert-input-to-capacity"); {
	case pad && r.Wire != layers.AllToAll:
		return r, usagef("--moe-pad-expert-input-to-capacity travels by alltoall, not by --moe-token-dispatcher-type %s", r.Wire)
	case pad:
		r.Wire = layers.Padded
	}
	if err := r.Validate(); err != nil {
		return r, &launch.UsageError{Err: err}
	}
	if r.Baseline != "" {
		idleBaseline(c, r)
	} else {
		idleRouting(c, r)
	}
	return r, nil
}

// overlapOf reads a number of chunks; 0 is auto.
func overlapOf(text string) (int, error) {
	if text == "auto" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return 0, usagef("--a2a-ffn-overlap-degree %q, want auto, or 1 or more", text)
	}
	return n, nil
}

// policyOf reads the capacity policy.
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
