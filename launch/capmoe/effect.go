package main

import (
	"fmt"

	"capmoe/launch"
	"capmoe/layers"
	"capmoe/layers/capacity"
	"capmoe/runtime"

	"github.com/urfave/cli/v2"
)

// noEffect notes flags that are given where they change nothing: who gives one may want
// something that will not be. why says where that is. It is no fault: those who go
// through a grid of policies and factors give them all.
func noEffect(c *cli.Context, why string, names ...string) {
	for _, name := range names {
		if c.IsSet(name) {
			note(c, "--%s has no effect %s", name, why)
		}
	}
}

// note tells people something beside the results, on one line.
func note(c *cli.Context, format string, args ...any) {
	fmt.Fprintf(c.App.ErrWriter, "%s%s: %s\n", launch.Note, nameOf(c), fmt.Sprintf(format, args...))
}

// idleRouting notes what a policy and its wire do not read, unless it says what holds anyway.
func idleRouting(c *cli.Context, r runtime.Routing) {
	if r.Wire == layers.AllGather || r.Wire == layers.Hierarchical {
		noEffect(c, "with --moe-token-dispatcher-type "+r.Wire.String(), "a2a-ffn-overlap-degree")
	}
	cfg := r.Policy
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
			note(c, "--%s has no effect with policy %v", s.flag, cfg.Policy)
		}
	}
	if cfg.MinCapacity > 1 && !expert {
		note(c, "--min-capacity %d has no effect without --moe-expert-capacity-factor", cfg.MinCapacity)
	}
}

// idleSeed notes a seed where the routing draws nothing, for commands of which nothing else does. 0 is the seed of who
// gives none.
func idleSeed(c *cli.Context, r runtime.Routing) {
	draws := r.Baseline == "deepspeed" || r.Baseline == "" && r.Capped() && r.Policy.Order == capacity.Random
	if c.Uint64("seed") != 0 && !draws {
		noEffect(c, "where nothing is drawn at random", "seed")
	}
}

// idleWire notes what is said of rows where none moves. What a baseline settles has been noted.
func idleWire(c *cli.Context, r runtime.Routing) {
	const why = "on plans: no row moves"
	switch {
	case r.Baseline != "":
	case r.Wire == layers.AllToAll:
		noEffect(c, why, "a2a-ffn-overlap-degree")
	default:
		noEffect(c, why, "moe-token-dispatcher-type", "moe-pad-expert-input-to-capacity")
	}
}

// fixedByBaseline are the flags that a baseline settles: only γ and the seed are the
// user's.
var fixedByBaseline = []string{
	"policy", "moe-token-drop-policy", "capacity-scope", "renormalize", "moe-router-weights", "moe-token-dispatcher-type", "moe-pad-expert-input-to-capacity",
	"min-capacity", "moe-expert-rank-capacity-factor", "moe-expert-node-capacity-factor", "reroute-rounds", "reroute-floor", "expanded-experts",
	"strategy", "rounds", "local_expert_indices", "renormalize_after_capacity_drop",
}

// idleBaseline notes flags that a baseline does not read.
func idleBaseline(c *cli.Context, r runtime.Routing) {
	noEffect(c, fmt.Sprintf("with --baseline %s, which fixes it itself", r.Baseline), fixedByBaseline...)
	if d, err := layers.Baseline(r.Baseline, r.Policy.Expert, 1); err == nil && d.Wire == layers.AllGather {
		noEffect(c, fmt.Sprintf("with baseline %s", r.Baseline), "a2a-ffn-overlap-degree")
	}
	if _, given := r.Policy.Expert.Gamma(); given && !r.Capped() {
		noEffect(c, fmt.Sprintf("with baseline %s", r.Baseline), "moe-expert-capacity-factor", "expert_capacity")
	}
}
