package layers

import (
	"fmt"

	"capmoe/collective"
	"capmoe/layers/capacity"
)

// MoE is the mixture-of-experts layer over the ranks of a communicator. One serves
// all layers of a model: weights come with the call, buffers are shared.
type MoE struct {
	router   router
	planner  *capacity.Planner
	dispatch *dispatcher
	experts  experts
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
	return &MoE{
		router:   router{experts: cfg.MoE.Experts},
		planner:  planner,
		dispatch: newDispatcher(c, p.Layout, cfg.Hidden),
		experts:  experts{hidden: cfg.Hidden, inner: cfg.MoE.Inner},
		hooks:    p.Hooks,
	}, nil
}

// Forward computes y = mixture(x) for this rank's tokens, [T_l, H], in the given
// layer. All ranks call it together.
func (m *MoE) Forward(y, x []float32, w *BlockWeights, layer int, tokens []int32) error {
	m.hooks.enter(layer, Route)
	scores := m.router.forward(x, w.Router, len(tokens))
	m.hooks.enter(layer, Plan)
	plan, err := m.planner.Plan(capacity.Step{Layer: layer, Scores: scores, Tokens: tokens})
	if err != nil {
		return err
	}
	m.hooks.enter(layer, Dispatch)
	rows, counts, err := m.dispatch.dispatch(plan, x)
	if err != nil {
		return err
	}
	m.hooks.enter(layer, Expert)
	m.experts.forward(rows, counts, w.Experts)
	m.hooks.enter(layer, Combine)
	if err := m.dispatch.combine(plan, y); err != nil {
		return err
	}
	m.hooks.planned(plan, scores)
	return nil
}
