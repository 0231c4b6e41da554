package main

import (
	"strings"
	"time"

	"capmoe/runtime/study"

	"github.com/urfave/cli/v2"
)

// studyFlags mirror the fields of a study file.
func studyFlags() []cli.Flag {
	const axes, runs = "Axes of the grid, several values with commas", "Every run"
	flags := []cli.Flag{
		&cli.IntSliceFlag{Category: axes, Name: "ranks", Usage: "`P`", DefaultText: "1,2,4"},
		&cli.StringSliceFlag{Category: axes, Name: "scaling", Usage: "`WAY` strong: the same tokens a step for any P; weak: tokens in proportion to P", DefaultText: "strong"},
		&cli.StringSliceFlag{Category: axes, Name: "systems", Usage: "`NAME` of a policy or baseline: " + strings.Join(study.SystemNames(), ", "), DefaultText: "dropless,drop,reroute"},
		&cli.Float64SliceFlag{Category: axes, Name: "gamma", Aliases: []string{"moe-expert-capacity-factor"}, Usage: "capacity factor `γ` of the systems that have one", DefaultText: "1,1.5"},
		&cli.StringSliceFlag{Category: axes, Name: "scopes", Usage: "`SCOPE` of policies: global, local", DefaultText: "global"},
		&cli.StringSliceFlag{Category: axes, Name: "dispatchers", Usage: "`WIRE` of policies: alltoall, allgather, hierarchical", DefaultText: "alltoall"},
		&cli.StringSliceFlag{Category: axes, Name: "placements", Usage: "`PLACEMENT` of the experts: contiguous; eplb, of dropless", DefaultText: "contiguous"},
		&cli.StringSliceFlag{Category: axes, Name: "models", Usage: "model `DIR` that texts run through", DefaultText: "examples/tiny-olmoe"},
		&cli.StringSliceFlag{Category: axes, Name: "shapes", Usage: "`NAME` of the mixture that routing runs through", DefaultText: "planning only"},
		&cli.StringSliceFlag{Category: axes, Name: "workloads", Usage: "`WORKLOAD` text:FILE, trace:PATH (#SET for one of several), synthetic:KIND", DefaultText: "text:examples/text/valid.txt"},
		&cli.StringSliceFlag{Category: axes, Name: "dtypes", Usage: "`TYPE` f32, bf16", DefaultText: "f32"},
		&cli.IntSliceFlag{Category: axes, Name: "step-tokens", Usage: "`T`, tokens of a step: of all ranks if strong, of each if weak", DefaultText: "2048"},
		&cli.IntFlag{Category: runs, Name: "repeats", Usage: "`N` runs of each cell, by turns", DefaultText: "1"},
		&cli.IntFlag{Category: runs, Name: "steps", Usage: "`N` steps of a run; of a trace, those that it has at most", DefaultText: "4"},
		&cli.IntFlag{Category: runs, Name: "window", Usage: "`W` tokens of a window of a text", DefaultText: "256"},
		&cli.Uint64Flag{Category: runs, Name: "seed", Usage: "`SEED` of what is drawn at random", DefaultText: "0"},
		&cli.IntFlag{Category: runs, Name: "experts", Usage: "`E` of routing", DefaultText: "as the trace or the shape has it"},
		&cli.IntFlag{Category: runs, Name: "topk", Usage: "`K` of routing", DefaultText: "as the trace or the shape has it"},
		&cli.IntFlag{Category: runs, Name: "layers", Usage: "`L` of synthetic routing", DefaultText: "as trace replay has it"},
		&cli.IntFlag{Category: runs, Name: "threads", Usage: "compute threads of a rank: `N`", DefaultText: "1"},
		&cli.DurationFlag{Category: runs, Name: "timeout", Usage: "a run that takes longer than `TIME` has failed", DefaultText: "30m"},
	}
	return append(flags, launcherFlags()...)
}

// overlay puts the flags that are given over a definition.
func overlay(c *cli.Context, d *study.Definition) {
	put(c, "ranks", &d.Ranks, c.IntSlice)
	put(c, "scaling", &d.Scaling, c.StringSlice)
	put(c, "systems", &d.Systems, c.StringSlice)
	put(c, "gamma", &d.Gamma, c.Float64Slice)
	put(c, "scopes", &d.Scopes, c.StringSlice)
	put(c, "dispatchers", &d.Dispatchers, c.StringSlice)
	put(c, "placements", &d.Placements, c.StringSlice)
	put(c, "models", &d.Models, c.StringSlice)
	put(c, "shapes", &d.Shapes, c.StringSlice)
	put(c, "workloads", &d.Workloads, c.StringSlice)
	put(c, "dtypes", &d.DTypes, c.StringSlice)
	put(c, "step-tokens", &d.StepTokens, c.IntSlice)
	put(c, "repeats", &d.Repeats, c.Int)
	put(c, "steps", &d.Steps, c.Int)
	put(c, "window", &d.Window, c.Int)
	put(c, "seed", &d.Seed, c.Uint64)
	put(c, "experts", &d.Experts, c.Int)
	put(c, "topk", &d.TopK, c.Int)
	put(c, "layers", &d.Layers, c.Int)
	put(c, "threads", &d.Threads, c.Int)
	put(c, "timeout", &d.Timeout, func(name string) time.Duration { return c.Duration(name) })
	put(c, "launcher", &d.Launcher, c.String)
	put(c, "hostfile", &d.Hostfile, c.String)
	put(c, "map-by", &d.MapBy, c.String)
	put(c, "bind-to", &d.BindTo, c.String)
}

// put takes a flag that is given.
func put[T any](c *cli.Context, name string, into *T, value func(string) T) {
	if c.IsSet(name) {
		*into = value(name)
	}
}
