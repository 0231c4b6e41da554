package bench

import (
	"fmt"
	"slices"
	"testing"

	"capmoe/collective"
	"capmoe/layers/capacity"
	"capmoe/runtime"
)

// Plans of every policy hold against those of one process, for ranks that share tokens and experts unevenly; one
// that keeps another expert does not.
func TestPlansAreVerified(t *testing.T) {
	gamma := capacity.Times(1)
	for _, policy := range []capacity.Config{
		{},
		{Policy: capacity.Drop, Expert: gamma},
		{Policy: capacity.Drop, Expert: gamma, Scope: capacity.Local},
		{Policy: capacity.Reroute, Expert: gamma, Rank: gamma},
		{Policy: capacity.Expanded, Expert: gamma},
	} {
		for _, ranks := range []int{1, 2, 3} {
			for _, tokens := range []int{1, 7, 100} {
				pc := PlanCase{Name: policy.Policy.String(), Policy: policy, Tokens: tokens, Experts: 9, TopK: 3}
				err := collective.Run(ranks, collective.Options{}, func(c collective.Communicator) error {
					p := runtime.Process{Comm: c, Hosts: slices.Repeat([]string{"host"}, ranks), Threads: 1}
					if _, err := Plan(p, pc, 1); err != nil {
						return err
					}
					return refutes(pc, c)
				})
				if err != nil {
					t.Errorf("%+v, P=%d, T=%d: %v", policy, ranks, tokens, err)
				}
			}
		}
	}
}

// refutes plans a case and reports if verify takes the plan with another expert for the first pair of a rank.
func refutes(pc PlanCase, c collective.Communicator) error {
	made, err := pc.made()
	if err != nil {
		return err
	}
	planner, err := capacity.NewPlanner(c, pc.Policy, capacity.Model{Experts: pc.Experts, TopK: pc.TopK}, capacity.Contiguous(pc.Experts, c.Size()))
	if err != nil {
		return err
	}
	plan, err := planner.Plan(pc.step(made, c.Rank(), c.Size()))
	if err != nil || len(plan.Expert) == 0 {
		return err
	}
	plan.Expert[0] = (plan.Expert[0] + 1) % int32(pc.Experts)
	if err := pc.verify(c.Rank(), c.Size(), plan); err == nil {
		return fmt.Errorf("a plan with another expert is taken for the right one")
	}
	return nil
}
