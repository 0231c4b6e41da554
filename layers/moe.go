package layers

import (
	"fmt"

	"capmoe/collective"
	"capmoe/layers/capacity"
)

// MoE is the mixture-of-experts layer over the ranks of a communicator. One serves
// all layers of a model: weights come with the call, buffers are shared.
type MoE struct {
	router   *router
	planner  *capacity.Planner
	exchange []exchange // [layers], or one for all
	experts  *experts
	shared   shared
	hooks    *Hooks
}

// NewMoE prepares a mixture whose experts lie where the layout says. It takes the
// weights with every call: p.Weights and p.Kernels may be nil.
func NewMoE(c collective.Communicator, p Parts) (*MoE, error) {
	cfg := p.Config
	model := capacity.Model{Experts: cfg.MoE.Experts, TopK: cfg.MoE.TopK, Weighting: cfg.MoE.Weighting}
	planner, err := capacity.NewPlanner(c, p.Policy, model, p.Layout)
	if err != nil {
		return nil, fmt.Errorf("layers: mixture: %w", err)
	}
	exchanges, err := newExchanges(c, p)
	if err != nil {
		return nil, err
	}
	return &MoE{
		router:   newRouter(p.Kernels, cfg.MoE.Experts, cfg.MoE.Router),
		planner:  planner,
		exchange: exchanges,
		experts:  newExperts(p),
		shared:   shared{hidden: cfg.Hidden, mlp: newMLP(p.Kernels, cfg.MoE.Activation)},
		hooks:    p.Hooks,
	}, nil
}

// Overlap is what the layers have found out about overlap, the same on every rank; nothing where no rank is on another node.
func (m *MoE) Overlap() []OverlapChoice {
	if d, ok := m.exchange[0].(*allToAll); ok {
		return d.lap.choices()
	}
	return nil
}

// Forward computes y = mixture(x), with the shared expert where there is one, for this
// rank's tokens, [T_l, H], in the given layer. All ranks call it together.
func (m *MoE) Forward(y, x []float32, w *BlockWeights, layer int, tokens []int32) error {
	m.hooks.enter(layer, Route)
	scores, gates := m.router.forward(x, w, len(tokens))
	m.hooks.enter(layer, Plan)
	plan, err := m.planner.Plan(capacity.Step{Layer: layer, Scores: scores, Gates: gates, Tokens: tokens})
	if err != nil {
		return err
	}
	m.hooks.enter(layer, Dispatch)
	exchange := m.exchange[layer%len(m.exchange)]
	if err := exchange.begin(plan, x); err != nil {
		return err
	}
	var shared []float32
	if w.Shared != nil { // while rows are under way
		m.hooks.enter(layer, Expert)
		shared = m.shared.forward(x, len(tokens), w)
		m.hooks.enter(layer, Dispatch)
	}
	computed := 0
	for more := true; more; {
		in, err := exchange.finish(plan)
		if err != nil {
			return err
		}
		m.hooks.enter(layer, Expert)
		m.experts.forward(in, w.Experts[in.first:])
		computed, more = computed+in.load, in.more
		if more {
			m.hooks.enter(layer, Dispatch)
		}
	}
	m.hooks.enter(layer, Combine)
	if err := exchange.combine(plan, y); err != nil {
		return err
	}
	addTo(y, shared)
	m.hooks.planned(plan, scores, computed)
	return nil
}
