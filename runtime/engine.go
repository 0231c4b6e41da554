package runtime

import (
	"fmt"
	"path/filepath"

	"capmoe/collective"
	"capmoe/layers"
	"capmoe/layers/capacity"
	"capmoe/layers/kernel"
	"capmoe/runtime/checkpoint"
	"capmoe/runtime/tokenizer"
)

// Engine is a loaded model on one rank of a job.
type Engine struct {
	proc    Process
	dir     string
	opts    LoadOptions
	config  *checkpoint.Config
	weights *layers.Weights
	beside  []string // tensors that are no part of the model
	kernels kernel.Library
	layout  capacity.Layout
	placed  []layers.Placement // [layers] where experts are replicated, else nil
	model   *layers.Model
	meter   *Meter

	watchers []*layers.Hooks
	timeline *Timeline // nil: none
}

// LoadOptions say how a model is loaded. The zero value is the default.
type LoadOptions struct {
	DType kernel.DType // of the products with weights, but for those that score experts, which are F32; of keys and values
}

// Load reads what this rank needs of the model folder dir. All ranks call it; a fault
// of one fails on all.
func Load(p Process, dir string, opts LoadOptions) (*Engine, error) {
	e := &Engine{proc: p, dir: dir, opts: opts}
	var err error
	if e.config, err = checkpoint.ReadConfig(dir); err == nil {
		err = e.place()
	}
	if err == nil {
		e.kernels, err = kernel.New(kernel.Options{Threads: p.Threads, DType: opts.DType})
	}
	if err := collective.Agree(p.Comm, err); err != nil {
		return nil, err
	}
	return e, e.readWeights()
}

// place decides which rank owns which experts.
func (e *Engine) place() (err error) {
	experts, ranks := e.config.Model.MoE.Experts, e.proc.Comm.Size()
	if ranks > experts {
		return fmt.Errorf("runtime: %d ranks for a model of %d experts (%s): every rank owns at least one; start at most %d", ranks, experts, e.config.File, experts)
	}
	e.layout, err = e.proc.Layout(experts)
	return err
}

// held lists the experts that this rank holds in a layer.
func (e *Engine) held(layer int) []int {
	if e.placed != nil {
		return e.placed[layer].Held[e.proc.Comm.Rank()]
	}
	return e.layout.Owned(e.proc.Comm.Rank())
}

// Config is the model's config.json, understood.
func (e *Engine) Config() *checkpoint.Config { return e.config }

// Beside lists tensors of the model folder that are no part of the model, and none that released checkpoints are known to hold.
func (e *Engine) Beside() []string { return e.beside }

// Kernels names the library that multiplies matrices.
func (e *Engine) Kernels() string { return e.kernels.Name() }

// Tokenizer loads the model folder's tokenizer.
func (e *Engine) Tokenizer() (*tokenizer.Tokenizer, error) {
	return tokenizer.Load(filepath.Join(e.dir, tokenizerFile))
}

// Use starts a run under a routing: its planner and exchange, and an empty Meter. All
// ranks call it.
func (e *Engine) Use(routing Routing) error {
	d, err := routing.resolve(e.config.Model.MoE.TopK)
	if err := collective.Agree(e.proc.Comm, err); err != nil {
		return err
	}
	e.meter = newMeter(e.proc, e.config.Model, d, e.layout)
	e.meter.baseline, e.meter.placed, e.meter.dtype = routing.Baseline, e.placed, e.opts.DType
	e.model, err = layers.NewModel(e.proc.Comm, layers.Parts{
		Config: e.config.Model, Weights: e.weights, Kernels: e.kernels,
		Policy: d.Policy, Wire: d.Wire, DType: e.opts.DType, Layout: e.layout, Placements: e.placed, Overlap: routing.Overlap,
		Hooks: together(append([]*layers.Hooks{e.meter.hooks()}, e.watchers...)...),
	})
	return collective.Agree(e.proc.Comm, err)
}
