package main

import (
	"fmt"

	"capmoe/layers/capacity"
	"capmoe/runtime"

	"github.com/urfave/cli/v2"
)

// noEffect faults on flags that are given where they change nothing: who gives one wants
// something that would not be. why says where that is.
func noEffect(c *cli.Context, why string, names ...string) error {
	for _, name := range names {
		if c.IsSet(name) {
			return usagef("%s: --%s has no effect %s", nameOf(c), name, why)
		}
	}
	return nil
}

// idlePolicy faults on what a policy does not read. Saying what holds anyway is no fault.
func idlePolicy(c *cli.Context, cfg capacity.Config) error {
	_, expert := cfg.Expert.Gamma()
	_, rank := cfg.Rank.Gamma()
	_, node := cfg.Node.Gamma()
	capped := cfg.Policy != capacity.Dropless
	for _, s := range []struct {
		flag string
		idle bool
	}{
		{"moe-expert-capacity-factor", expert && !capped},
		{"moe-expert-rank-capacity-factor", rank && !capped},
		{"moe-expert-node-capacity-factor", node && !capped},
		{"capacity-scope", cfg.Scope != capacity.Global && !capped},
		{"moe-token-drop-policy", cfg.Order != capacity.Probs && !capped},
		{"reroute-rounds", cfg.Rounds != 0 && cfg.Policy != capacity.Reroute},
		{"reroute-floor", cfg.Floor != 0 && cfg.Policy != capacity.Reroute},
		{"expanded-experts", cfg.Extra.Kind != capacity.OwnRank && cfg.Policy != capacity.Expanded},
	} {
		if s.idle {
			return usagef("%s: --%s has no effect with policy %v", nameOf(c), s.flag, cfg.Policy)
		}
	}
	if cfg.MinCapacity > 1 && !expert {
		return usagef("%s: --min-capacity %d has no effect without --moe-expert-capacity-factor", nameOf(c), cfg.MinCapacity)
	}
	return nil
}

// fixedByBaseline are the flags that a baseline settles: only γ and the seed are the
// user's.
var fixedByBaseline = []string{
	"policy", "moe-token-drop-policy", "capacity-scope", "renormalize", "moe-router-weights", "moe-token-dispatcher-type", "moe-pad-expert-input-to-capacity",
	"min-capacity", "moe-expert-rank-capacity-factor", "moe-expert-node-capacity-factor", "reroute-rounds", "reroute-floor", "expanded-experts",
	"strategy", "rounds", "local_expert_indices", "renormalize_after_capacity_drop",
}

// idleBaseline faults on flags that a baseline does not read.
func idleBaseline(c *cli.Context, r runtime.Routing) error {
	for _, name := range fixedByBaseline {
		if c.IsSet(name) {
			return usagef("%s: --baseline %s fixes --%s itself: leave that out", nameOf(c), r.Baseline, name)
		}
	}
	if _, given := r.Policy.Expert.Gamma(); given && !r.Capped() {
		return noEffect(c, fmt.Sprintf("with baseline %s", r.Baseline), "moe-expert-capacity-factor", "expert_capacity")
	}
	return nil
}
