// Package simulate plans recorded routing as ranks would, without them: what a policy
// keeps and loses on machines of any size.
package simulate

import (
	"capmoe/collective"
	"capmoe/layers/capacity"
	"capmoe/runtime/trace"
)

// ScopeRow compares scope global with scope local at one number of ranks.
type ScopeRow struct {
	Gamma           float64 `json:"capacity_factor"`
	Ranks           int     `json:"ranks"`
	GlobalMassLost  float64 `json:"gate_mass_lost_global"`
	LocalMassLost   float64 `json:"gate_mass_lost_local"`
	GlobalEffective float64 `json:"effective_factor_global"`
	LocalEffective  float64 `json:"effective_factor_local"`
	// LocalOverflow is how far the fullest expert, summed over the ranks that each kept
	// to their own capacity, exceeds the global one: mean over steps of max/C.
	LocalOverflow float64 `json:"fullest_expert_over_capacity_local"`
}

// Scope plans a trace in steps of stepTokens under the policy, for every factor and
// number of ranks. Scope local is planned rank by rank: each has a block of the step's
// tokens and its own T. Scope global does not depend on the ranks, and is planned once.
func Scope(t *trace.Trace, policy capacity.Config, stepTokens int, gammas []float64, ranks []int) ([]ScopeRow, error) {
	var rows []ScopeRow
	for _, gamma := range gammas {
		policy.Expert = capacity.Times(gamma)
		global, err := tally(t, policy, stepTokens, 1)
		if err != nil {
			return nil, err
		}
		for _, p := range ranks {
			local, err := tally(t, policy, stepTokens, p)
			if err != nil {
				return nil, err
			}
			rows = append(rows, ScopeRow{
				Gamma: gamma, Ranks: p,
				GlobalMassLost: global.ledger.GateMassLost(), LocalMassLost: local.ledger.GateMassLost(),
				GlobalEffective: global.factor(), LocalEffective: local.factor(),
				LocalOverflow: local.overflow / float64(max(1, local.steps)),
			})
		}
	}
	return rows, nil
}

// sums is what became of a whole trace.
type sums struct {
	ledger   capacity.Ledger
	room     float64 // Σ effective factor × routed
	overflow float64 // Σ over steps of fullest expert / global capacity
	steps    int
}

func (s sums) factor() float64 { return s.room / float64(max(1, s.ledger.Routed)) }

// tally plans every step of every layer as the given number of ranks would in scope
// local: block by block.
func tally(t *trace.Trace, policy capacity.Config, stepTokens, ranks int) (sums, error) {
	var s sums
	model := capacity.Model{Experts: t.Experts, TopK: t.TopK, Weighting: t.Weighting()}
	err := collective.Run(1, collective.Options{}, func(c collective.Communicator) error {
		planner, err := capacity.NewPlanner(c, policy, model, capacity.Contiguous(t.Experts, 1))
		if err != nil {
			return err
		}
		for l := range t.Layers {
			for from := 0; from < t.Tokens; from += stepTokens {
				if err := s.step(planner, t, l, from, min(stepTokens, t.Tokens-from), ranks); err != nil {
					return err
				}
			}
		}
		return nil
	})
	return s, err
}

func (s *sums) step(planner *capacity.Planner, t *trace.Trace, layer, from, tokens, ranks int) error {
	var load []int64
	whole := planner.Capacity(tokens)
	for r := range ranks {
		first, end := from+r*tokens/ranks, from+(r+1)*tokens/ranks
		plan, err := planner.Plan(blockOf(t, layer, first, end))
		if err != nil {
			return err
		}
		if load == nil {
			load = make([]int64, len(plan.LoadAfter))
		}
		for e, n := range plan.LoadAfter {
			load[e] += n
		}
		s.ledger.Add(plan.Ledger)
		if plan.Ledger.Routed > 0 {
			s.room += plan.EffectiveFactor() * float64(plan.Ledger.Routed)
		}
	}
	fullest := int64(0)
	for _, n := range load {
		fullest = max(fullest, n)
	}
	s.overflow += float64(fullest) / float64(whole)
	s.steps++
	return nil
}

func blockOf(t *trace.Trace, layer, first, end int) capacity.Step {
	step := capacity.Step{Layer: t.Layers[layer], Scores: make([]float32, (end-first)*t.Experts), Tokens: make([]int32, end-first)}
	t.Rows(step.Scores, layer, first, end)
	for i := range step.Tokens {
		step.Tokens[i] = int32(first + i)
	}
	return step
}
