package main

import (
	"fmt"
	"strings"

	"capmoe/layers/capacity"
	"capmoe/runtime"
	"capmoe/runtime/bench"
	"capmoe/runtime/trace"

	"github.com/urfave/cli/v2"
)

func traceReplayCommand(t terminal) *cli.Command {
	return &cli.Command{
		Name:      "replay",
		Usage:     "run recorded or made routing under a policy: plans only, or with made experts of a shape",
		UsageText: "[mpirun -n P] capmoe trace replay {--trace PATH | --synthetic KIND} [flags]",
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "trace", TakesFile: true, Usage: "`PATH` of a recording; of counts only, tokens are drawn from --seed"},
			&cli.StringFlag{Name: "synthetic", Usage: "made routing instead, from --seed: `KIND` " + strings.Join(trace.KindNames(), ", ")},
			&cli.IntFlag{Name: "layers", Value: 1, Usage: "`L` layers of made routing"},
			&cli.IntFlag{Name: "steps", Usage: "`N` steps, at most those recorded", DefaultText: "all of a recording; 4 of made routing"},
			&cli.IntFlag{Name: "step-tokens", Usage: "`T`, tokens of a step over all ranks", DefaultText: "as recorded; 1024 where that is not known"},
			&cli.StringFlag{Name: "shape", Usage: "run made experts of the size of a model: `NAME` " + strings.Join(bench.ShapeNames(), ", "), DefaultText: "plans only"},
			dtypeFlag(),
			timelineFlag(),
			jsonFlag(),
		}, append(append(hintFlags(), policyFlags()...), eplbFlags()...)...),
		Action: func(c *cli.Context) error { return runTraceReplay(c, t) },
	}
}

func runTraceReplay(c *cli.Context, t terminal) error {
	job, err := replayOf(c, t)
	if err != nil {
		return err
	}
	run := func() (*runtime.ReplayReport, error) {
		if job.Timeline, err = openTimeline(c, t); err != nil {
			return nil, err
		}
		defer job.Timeline.Discard()
		report, err := runtime.RunReplay(t.world.Process, job, progress(t.stderr, "token"))
		if err != nil {
			return nil, err
		}
		return report, job.Timeline.Finish()
	}
	return answer(c, t, run, func(r *runtime.ReplayReport) { printReplay(t, r) })
}

// replayOf reads the command line.
func replayOf(c *cli.Context, t terminal) (runtime.Replay, error) {
	job := runtime.Replay{Steps: c.Int("steps"), LoadsFile: c.String("eplb-loads")}
	if (c.String("trace") == "") == (c.String("synthetic") == "") {
		return job, usagef("trace replay: want one of --trace PATH and --synthetic KIND")
	}
	if n := job.Steps; n < 0 || c.IsSet("steps") && n == 0 {
		return job, usagef("trace replay: --steps %d, want 1 or more", n)
	}
	if n := c.Int("step-tokens"); n < 0 || n > capacity.MaxTokens || c.IsSet("step-tokens") && n == 0 {
		return job, usagef("trace replay: --step-tokens %d, want 1 to %d", n, capacity.MaxTokens)
	}
	var err error
	if job.Routing, err = routingOf(c); err != nil {
		return job, err
	}
	if job.Redundant = t.world.Comm().Size(); job.Redundant == 1 {
		job.Redundant = 0
	}
	if c.IsSet("num-redundant-experts") {
		job.Redundant = c.Int("num-redundant-experts")
	}
	if job.Shape, err = replayShape(c); err != nil {
		return job, err
	}
	if job.Shape == nil {
		idleWire(c, job.Routing)
	}
	if c.String("synthetic") != "" {
		noEffect(c, "with --synthetic", "set")
		err := synthesize(c, t, &job)
		return job, err
	}
	noEffect(c, "with --trace, which has its own", "layers")
	hints, err := hintsOf(c)
	if err != nil {
		return job, err
	}
	path, seed, stepTokens := c.String("trace"), c.Uint64("seed"), c.Int("step-tokens")
	job.Source = "trace:" + path
	if hints.Set != "" {
		job.Source += ": " + hints.Set
	}
	job.Open = func() (trace.Stream, error) { return openRecording(path, hints, stepTokens, job.Steps, seed) }
	return job, nil
}

// openRecording opens tokens in steps of a size, or draws tokens for counts.
func openRecording(path string, h trace.Hints, stepTokens, steps int, seed uint64) (trace.Stream, error) {
	loads, err := trace.IsLoads(path)
	if err != nil {
		return nil, err
	}
	if !loads {
		s, err := trace.Open(path, h)
		if err != nil {
			return nil, err
		}
		return trace.Cut(s, stepTokens), nil
	}
	l, err := trace.OpenLoads(path, h)
	if err != nil {
		return nil, err
	}
	if stepTokens == 0 {
		stepTokens = defaultStepTokens
	}
	if steps == 0 {
		steps = defaultSteps
	}
	return l.Draw(steps, stepTokens, seed).Stream()
}

// The sizes of made routing.
const (
	defaultSteps      = 4
	defaultStepTokens = 1024
)

// replayShape is the mixture to run; nil: none.
func replayShape(c *cli.Context) (*runtime.LayerShape, error) {
	name := c.String("shape")
	if name == "" {
		if c.IsSet("dtype") {
			return nil, usagef("trace replay: --dtype needs --shape: plans have no products")
		}
		return nil, nil
	}
	shape, err := bench.ShapeOf(name)
	if err != nil {
		return nil, usageError(err)
	}
	dtype, err := dtypeOf(c)
	return &runtime.LayerShape{Name: name, Hidden: shape.Hidden, Inner: shape.Inner, DType: dtype}, err
}

// synthesize fills in made routing: sizes that are not given are the shape's.
func synthesize(c *cli.Context, t terminal, job *runtime.Replay) error {
	s := trace.Synthetic{
		Experts: 64, TopK: 8, Layers: c.Int("layers"), Steps: defaultSteps, StepTokens: defaultStepTokens,
		Ranks: t.world.Comm().Size(), Seed: c.Uint64("seed"),
	}
	if job.Shape != nil {
		shape, err := bench.ShapeOf(job.Shape.Name)
		if err != nil {
			return err
		}
		s.Experts, s.TopK = shape.Experts, shape.TopK
	}
	for _, f := range []struct {
		name  string
		value *int
	}{{"experts", &s.Experts}, {"topk", &s.TopK}, {"steps", &s.Steps}, {"step-tokens", &s.StepTokens}} {
		if c.IsSet(f.name) {
			*f.value = c.Int(f.name)
		}
	}
	if err := s.ParseKind(c.String("synthetic")); err != nil {
		return usageError(err)
	}
	if err := s.Validate(); err != nil {
		return usageError(err)
	}
	job.Source, job.Steps = "synthetic:"+s.String(), s.Steps
	job.Open = s.Stream
	return nil
}

func printReplay(t terminal, r *runtime.ReplayReport) {
	what := "plans only"
	if r.Shape != "" {
		what = "made experts of " + r.Shape
	}
	fmt.Fprintf(t.stdout, "%s: %d tokens, steps of %d, %d layers; %s\n", r.Source, r.Tokens, r.StepTokens, len(r.Layers), what)
	if r.Origin != "" {
		fmt.Fprintf(t.stdout, "from %s\n", r.Origin)
	}
	if r.Unscored {
		fmt.Fprintln(t.stdout, "the recording has no scores: all choices of a token count the same")
	}
	fmt.Fprintf(t.stdout, "plan hash %s\n\n", r.PlanHash)
	printReport(t.stdout, &r.Report)
	printCrowded(t, wallTimeCrowded)
}
