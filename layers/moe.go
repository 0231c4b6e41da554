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

// NewMoE prepares a mixture whose experts lie where the layout says.
func NewMoE(c collective.Communicator, cfg Config, policy capacity.Config, l capacity.Layout) (*MoE, error) {
	model := capacity.Model{Experts: cfg.MoE.Experts, TopK: cfg.MoE.TopK, Weighting: cfg.MoE.Weighting}
	planner, err := capacity.NewPlanner(c, policy, model, l)
	if err != nil {
		return nil, fmt.Errorf("layers: mixture: %w", err)
	}
	return &MoE{
		router:   router{experts: cfg.MoE.Experts},
		planner:  planner,
		dispatch: newDispatcher(c, l, cfg.Hidden),
		experts:  experts{hidden: cfg.Hidden, inner: cfg.MoE.Inner},
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
