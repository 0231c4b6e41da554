package main

import (
	"fmt"
	"strconv"
	"strings"

	"capmoe/runtime/study"
)

// cellArguments are those of capmoe for one run of a cell: eval for a text, trace
// replay for routing.
func cellArguments(d study.Definition, c study.Cell) []string {
	kind, what, _ := strings.Cut(c.Workload, ":")
	var args []string
	number := func(flag string, n int) { args = append(args, flag, strconv.Itoa(n)) }
	switch kind {
	case study.Text:
		args = append(args, "eval", "--model", c.Model, "--text", what)
		number("--window", d.Window)
		number("--batch", c.Tokens/d.Window)
		number("--max-tokens", c.Tokens*d.Steps)
	case study.Trace:
		path, set := study.Recording(what)
		args = append(args, "trace", "replay", "--trace", path)
		if set != "" {
			args = append(args, "--set", set)
		}
	case study.Synthetic:
		args = append(args, "trace", "replay", "--synthetic", what)
		if d.Layers > 0 {
			number("--layers", d.Layers)
		}
	}
	if kind != study.Text {
		number("--step-tokens", c.Tokens)
		number("--steps", d.Steps)
		if d.Experts > 0 {
			number("--experts", d.Experts)
		}
		if d.TopK > 0 {
			number("--topk", d.TopK)
		}
	}
	if c.Shape != "" {
		args = append(args, "--shape", c.Shape)
	}
	if c.DType != "" {
		args = append(args, "--dtype", c.DType)
	}
	args = append(args, systemArguments(c)...)
	return append(args, "--seed", fmt.Sprint(d.Seed), "--json", "-")
}

// systemArguments are the flags of a policy or a baseline.
func systemArguments(c study.Cell) []string {
	var args []string
	switch {
	case c.Baseline != "":
		args = append(args, "--baseline", c.Baseline)
	case c.Placement == study.EPLB:
		args = append(args, "--enable-eplb")
	default:
		args = append(args, "--policy", c.Policy)
	}
	if c.Gamma != nil {
		args = append(args, "--moe-expert-capacity-factor", strconv.FormatFloat(*c.Gamma, 'g', -1, 64))
	}
	if c.Scope != "" {
		args = append(args, "--capacity-scope", c.Scope)
	}
	if c.Dispatch != "" {
		args = append(args, "--moe-token-dispatcher-type", c.Dispatch)
	}
	return args
}
