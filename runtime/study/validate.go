package study

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"capmoe/layers"
	"capmoe/layers/capacity"
	"capmoe/layers/kernel"
	"capmoe/runtime"
	"capmoe/runtime/bench"
	"capmoe/runtime/trace"
)

// The kinds of workloads.
const (
	Text      = "text"      // text:FILE, through a model
	Trace     = "trace"     // trace:PATH, or trace:PATH#SET of one that has several: recorded routing
	Synthetic = "synthetic" // synthetic:KIND, made routing
)

// mostRepeats is the most runs of a cell.
const mostRepeats = 1 << 16

// Validate reports all faults that show without a file or a machine.
func (d Definition) Validate() []Fault {
	var f faults
	check(&f, "ranks", d.Ranks, atLeast(1))
	check(&f, "scaling", d.Scaling, oneOf(Strong, Weak))
	check(&f, "systems", d.Systems, func(v string) string {
		if _, err := systemOf(v); err != nil {
			return fmt.Sprintf("unknown system %q, want one of %s", v, strings.Join(SystemNames(), ", "))
		}
		return ""
	})
	check(&f, "gamma", d.Gamma, func(v float64) string {
		if !(v > 0 && v <= math.MaxInt32) {
			return fmt.Sprintf("capacity factor %v, want more than 0, at most %d", v, math.MaxInt32)
		}
		return ""
	})
	check(&f, "scopes", d.Scopes, parsed(capacity.ParseScope))
	check(&f, "dispatchers", d.Dispatchers, parsed(layers.ParseWire))
	check(&f, "placements", d.Placements, oneOf(Contiguous, EPLB))
	check(&f, "workloads", d.Workloads, workloadFault)
	check(&f, "dtypes", d.DTypes, parsed(kernel.ParseDType))
	check(&f, "step-tokens", d.StepTokens, func(v int) string { return d.stepFault(v) })
	if d.reads(Text) {
		check(&f, "models", d.Models, nonEmpty)
	}
	if len(d.Shapes) > 0 {
		check(&f, "shapes", d.Shapes, parsed(bench.ShapeOf))
	}
	f.scalar("repeats", within(1, mostRepeats)(d.Repeats))
	f.scalar("steps", atLeast(1)(d.Steps))
	f.scalar("window", atLeast(2)(d.Window))
	for field, n := range map[string]int{"experts": d.Experts, "topk": d.TopK, "layers": d.Layers} {
		f.scalar(field, atLeast(0)(n))
	}
	f.scalar("launcher", oneOf("mpirun", "srun")(d.Launcher))
	f.scalar("threads", within(1, runtime.MostThreads)(d.Threads))
	if d.Timeout <= 0 {
		f.scalar("timeout", fmt.Sprintf("%v, want more than 0", d.Timeout))
	}
	f.scalar("placements", d.placementFault())
	slices.SortStableFunc(f, func(a, b Fault) int { return strings.Compare(a.Field, b.Field) })
	return f
}

// SystemNames lists what systems may hold.
func SystemNames() []string {
	return append([]string{"dropless", "drop", "reroute", "expanded"}, layers.Baselines()...)
}

// reads tells whether a workload is of a kind.
func (d Definition) reads(kind string) bool {
	return slices.ContainsFunc(d.Workloads, func(w string) bool { return strings.HasPrefix(w, kind+":") })
}

// stepFault reports a step that is no number of windows, or too large for any P.
func (d Definition) stepFault(tokens int) string {
	ranks := 1 // that have so many tokens each
	if has(d.Scaling, Weak) && len(d.Ranks) > 0 {
		ranks = max(1, slices.Max(d.Ranks))
	}
	switch {
	case tokens < 1:
		return atLeast(1)(tokens)
	case tokens > capacity.MaxTokens/ranks:
		return fmt.Sprintf("a step of %d × %d tokens, want at most %d in all", ranks, tokens, capacity.MaxTokens)
	case d.reads(Text) && d.Window > 0 && tokens%d.Window != 0:
		return fmt.Sprintf("a step of %d tokens is no number of windows of %d", tokens, d.Window)
	case d.Steps > math.MaxInt/(ranks*tokens):
		return fmt.Sprintf("%d steps of %d × %d tokens are too many", d.Steps, ranks, tokens)
	}
	return ""
}

// placementFault reports a placement that no system of the study has.
func (d Definition) placementFault() string {
	if has(d.Placements, EPLB) && !has(d.Systems, capacity.Dropless.String()) {
		return "eplb places experts of the system dropless, which the study does not have"
	}
	return ""
}

// Recording is the path of a trace, and which of its sets; empty: it has one.
func Recording(trace string) (path, set string) {
	path, set, _ = strings.Cut(trace, "#")
	return path, set
}

func workloadFault(v string) string {
	kind, what, _ := strings.Cut(v, ":")
	if what == "" || !has([]string{Text, Trace, Synthetic}, kind) {
		return fmt.Sprintf("%q, want text:FILE, trace:PATH or synthetic:KIND", v)
	}
	if kind == Synthetic {
		if err := new(trace.Synthetic).ParseKind(what); err != nil {
			return err.Error()
		}
	}
	return ""
}
