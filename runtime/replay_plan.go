package runtime

import (
	"capmoe/collective"
	"capmoe/layers"
	"capmoe/layers/capacity"
)

// planOnly plans and moves nothing.
type planOnly struct {
	comm    collective.Communicator
	hooks   *layers.Hooks
	planner *capacity.Planner
	owned   []int
	// holders is the ranks that hold an expert of a layer, [layers][E]; nil: one each.
	holders [][][]int
}

func newPlanOnly(r *replay, cfg layers.Config) (*planOnly, error) {
	c := r.proc.Comm
	model := capacity.Model{Experts: cfg.MoE.Experts, TopK: cfg.MoE.TopK, Weighting: cfg.MoE.Weighting}
	planner, err := capacity.NewPlanner(c, r.dialect.Policy, model, r.layout)
	if err != nil {
		return nil, err
	}
	p := &planOnly{comm: c, hooks: r.hooks, planner: planner, owned: r.layout.Owned(c.Rank())}
	for _, where := range r.placements {
		holders := make([][]int, cfg.MoE.Experts)
		for rank, held := range where.Held {
			for _, e := range held {
				holders[e] = append(holders[e], rank)
			}
		}
		p.holders = append(p.holders, holders)
	}
	return p, nil
}

func (p *planOnly) run(layer int, scores []float32, tokens []int32) error {
	p.hooks.Enter(layer, layers.Plan)
	plan, err := p.planner.Plan(capacity.Step{Layer: layer, Scores: scores, Tokens: tokens})
	if err != nil {
		return err
	}
	computed, err := p.computed(plan)
	p.hooks.Planned(plan, scores, computed)
	return err
}

// computed is the pairs that this rank would compute. Replicas of an expert take turns
// by global token id, as in layers.
func (p *planOnly) computed(plan *capacity.Plan) (int, error) {
	if p.holders == nil {
		sum := int64(0)
		for _, e := range p.owned {
			sum += plan.LoadAfter[e]
		}
		return int(sum), nil
	}
	pairs := make([]int64, p.comm.Size())
	for t, id := range plan.TokenIDs {
		for _, e := range plan.Expert[plan.Offset[t]:plan.Offset[t+1]] {
			holders := p.holders[plan.Layer][e]
			pairs[holders[int(id)%len(holders)]]++
		}
	}
	err := collective.AllReduce(p.comm, collective.Sum, pairs)
	return int(pairs[p.comm.Rank()]), err
}

func (p *planOnly) describe(*Report) {}
func (p *planOnly) free()            {}
