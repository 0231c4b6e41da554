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

// refutes plans a case and reports if verify takes a plan in which one rank has another expert for its first pair.
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
	if err != nil {
		return err
	}
	for liar := range c.Size() {
		told := slices.Clone(plan.Expert)
		lies := []int32{0}
		if liar == c.Rank() && len(told) > 0 {
			lies[0] = 1
			told[0] = (told[0] + 1) % int32(pc.Experts)
		}
		if err := collective.AllReduce(c, collective.Max, lies); err != nil {
			return err
		}
		liars := *plan
		liars.Expert = told
		if err := pc.verify(c, &liars); (err == nil) == (lies[0] == 1) {
			return fmt.Errorf("rank %d has another expert for %d pairs: %v", liar, lies[0], err)
		}
	}
	return nil
}
