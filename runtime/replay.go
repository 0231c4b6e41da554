package runtime

import (
	"errors"
	"fmt"
	"slices"

	"capmoe/collective"
	"capmoe/layers"
	"capmoe/layers/capacity"
	"capmoe/layers/kernel"
	"capmoe/runtime/trace"
)

// Replay runs recorded or made routing under a policy, without a model: the scores of a
// step go to the planner, and, with a shape, made rows through made experts.
type Replay struct {
	Source  string                       // what the report calls it
	Open    func() (trace.Stream, error) // from the beginning, on every rank the same
	Routing Routing
	// Redundant replicas are added by EPLB, which places the experts by the loads of
	// LoadsFile, or of the first step where that is "".
	Redundant int
	LoadsFile string
	Steps     int         // most; 0: all
	Shape     *LayerShape // nil: plans only
	Timeline  *Timeline
}

// LayerShape is the made mixture of a replay; E and K are the trace's.
type LayerShape struct {
	Name          string
	Hidden, Inner int
	DType         kernel.DType
}

// ReplayReport is a Report about a replay. Without a shape no row moves: bytes are 0,
// and the only phase with time is plan.
type ReplayReport struct {
	Source     string `json:"source"`
	Origin     string `json:"origin,omitempty"`
	Unscored   bool   `json:"unscored,omitempty"` // only choices were recorded: every one counts the same
	PlanHash   string `json:"plan_hash"`          // of all kept pairs, weights and loads; in scope global the same for any P
	StepTokens int    `json:"step_tokens"`        // of the largest step
	Shape      string `json:"shape,omitempty"`
	Report
}

// replay is one on one rank.
type replay struct {
	Replay
	proc       Process
	info       trace.Info
	dialect    layers.Dialect
	layout     capacity.Layout
	placements []layers.Placement // [layers of the model], or nil
	meter      *Meter
	hooks      *layers.Hooks
	runner     layerRunner
	scores     []float32 // [T_l, E]
	tokens     []int32
	sum        planSum
	largest    int
	total      int   // tokens, as far as the stream knows
	warming    bool  // nothing is measured
	fault      error // found in a hook
}

// layerRunner runs one layer of a step: scores [T_l, E] of tokens with these global ids.
type layerRunner interface {
	run(layer int, scores []float32, tokens []int32) error
	// names the kernels and their type in the report.
	describe(r *Report)
	free()
}

// RunReplay replays over all ranks, which call it together; a fault of one fails on all.
func RunReplay(p Process, job Replay, progress func(done, of int)) (*ReplayReport, error) {
	r := &replay{Replay: job, proc: p}
	if err := r.prepare(); err != nil {
		return nil, err
	}
	defer r.runner.free()
	if err := r.warmUp(); err != nil {
		return nil, err
	}
	err := r.eachStep(r.Steps, func(s trace.Step) error {
		if err := r.step(s); err != nil {
			return err
		}
		progress(s.First+s.Tokens, max(r.total, s.First+s.Tokens))
		if r.meter.steps%foldSteps == 0 {
			return r.meter.fold()
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return r.report()
}

// prepare resolves the routing and places the experts.
func (r *replay) prepare() error {
	s, err := r.Replay.Open()
	if err == nil {
		r.info, r.total = s.Info(), trace.Total(s)
		err = errors.Join(r.place(), s.Close())
	}
	if err := collective.Agree(r.proc.Comm, err); err != nil {
		return err
	}
	if r.Routing.Baseline == "eplb" {
		if err := r.balance(); err != nil {
			return err
		}
	}
	cfg := r.config()
	r.meter = newMeter(r.proc, cfg, r.dialect, r.layout)
	r.meter.placed = r.placements
	r.meter.baseline = r.Routing.Baseline
	all := []*layers.Hooks{r.meter.hooks(), {Planned: r.planned}}
	if r.Timeline != nil {
		all = append(all, r.Timeline.hooks())
	}
	r.hooks = r.unlessWarming(together(all...))
	if r.Shape == nil {
		r.runner, err = newPlanOnly(r, cfg)
	} else {
		r.meter.dtype = r.Shape.DType
		r.runner, err = newMadeMixture(r, cfg)
	}
	return collective.Agree(r.proc.Comm, err)
}

func (r *replay) place() (err error) {
	if ranks := r.proc.Comm.Size(); ranks > r.info.Experts {
		return fmt.Errorf("runtime: replay: %d ranks for %d experts of %s: every rank owns at least one", ranks, r.info.Experts, r.Source)
	}
	if r.dialect, err = r.Routing.resolve(r.info.TopK); err != nil {
		return err
	}
	if p := r.dialect.Policy.Policy; !r.info.Whole() && (p == capacity.Expanded || p == capacity.Reroute && r.info.Recorded == r.info.TopK) {
		return fmt.Errorf("runtime: replay: %s holds the scores of %d of %d experts a token, its top k is %d: policy %v needs others", r.Source, r.info.Recorded, r.info.Experts, r.info.TopK, p)
	}
	r.layout, err = r.proc.Layout(r.info.Experts)
	return err
}

// config is that of a model with mixtures in the trace's layers.
func (r *replay) config() layers.Config {
	cfg := layers.Config{Layers: slices.Max(r.info.Layers) + 1, MoE: layers.MoEConfig{Experts: r.info.Experts, TopK: r.info.TopK, Weighting: r.info.Weighting()}}
	for l := range cfg.Layers {
		if !slices.Contains(r.info.Layers, l) {
			cfg.Dense.Layers = append(cfg.Dense.Layers, l)
		}
	}
	if r.Shape != nil {
		cfg.Hidden, cfg.MoE.Inner = r.Shape.Hidden, r.Shape.Inner
	}
	return cfg
}

func (r *replay) planned(plan *capacity.Plan, _ []float32, _ int) {
	r.pause()
	r.sum.add(plan, r.meter.steps)
	if r.fault == nil {
		r.fault = r.beyond(plan)
	}
}

// beyond fails if a choice of a token found no place among its recorded experts: what it
// would have proposed to next is not known.
func (r *replay) beyond(plan *capacity.Plan) error {
	if r.dialect.Policy.Policy != capacity.Reroute || r.info.Whole() {
		return nil
	}
	for t, id := range plan.TokenIDs {
		if n := plan.Spent(t); n > 0 {
			return fmt.Errorf("runtime: replay: %s: layer %d, step %d, token %d finds no place for %d of its %d choices among its %d recorded experts, there are %d: reroute needs the scores of more", r.Source, plan.Layer, r.meter.steps-1, id, n, r.info.TopK, r.info.Recorded, r.info.Experts)
		}
	}
	return nil
}

func (r *replay) report() (*ReplayReport, error) {
	report, err := r.meter.report()
	if err != nil {
		return nil, err
	}
	r.runner.describe(report)
	out := &ReplayReport{Source: r.Source, Origin: r.info.Origin, Unscored: r.info.Unscored, StepTokens: r.largest, Report: *report}
	if r.Shape != nil {
		out.Shape = r.Shape.Name
	}
	out.PlanHash, err = r.sum.total(r.proc.Comm)
	return out, err
}
