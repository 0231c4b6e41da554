package bench

import (
	"fmt"
	"slices"

	"capmoe/collective"
	"capmoe/layers/capacity"
	"capmoe/runtime"
	"capmoe/runtime/trace"
)

// PlanCase is one step to plan.
type PlanCase struct {
	Name    string
	Policy  capacity.Config
	Tokens  int // T, over all ranks
	Experts int
	TopK    int
}

// PlanResult is what planning a case cost.
type PlanResult struct {
	Name   string `json:"name"`
	Tokens int    `json:"tokens"`
	Ranks  int    `json:"ranks"`
	Sample
	Rounds    int     `json:"rounds"`
	Kept      int64   `json:"kept"`
	Rerouted  int64   `json:"rerouted"`
	Calls     int     `json:"collectives"` // of one plan
	Bytes     int64   `json:"bytes_sent"`  // by the busiest rank in one plan
	Imbalance float64 `json:"load_max_over_mean_before"`
}

// Plan measures planning of made scores and holds the result against the plan that one
// process alone makes of all tokens.
func Plan(p runtime.Process, pc PlanCase, repeats int) (PlanResult, error) {
	var traffic collective.Traffic
	c := collective.Counted(p.Comm, &traffic)
	layout, err := p.Layout(pc.Experts)
	if err != nil {
		return PlanResult{}, err
	}
	planner, err := capacity.NewPlanner(c, pc.Policy, capacity.Model{Experts: pc.Experts, TopK: pc.TopK}, layout)
	if err := collective.Agree(p.Comm, err); err != nil {
		return PlanResult{}, err
	}
	made, err := pc.made()
	if err := collective.Agree(p.Comm, err); err != nil {
		return PlanResult{}, err
	}
	step := pc.step(made, c.Rank(), c.Size())
	var plan *capacity.Plan
	sample, err := measure(p.Comm, repeats, func() error {
		traffic = collective.Traffic{}
		plan, err = planner.Plan(step)
		return err
	})
	if err != nil {
		return PlanResult{}, err
	}
	counts := plan.Ledger.Counts()
	most := []int64{traffic.Bytes}
	if err := collective.AllReduce(p.Comm, collective.Sum, counts); err != nil {
		return PlanResult{}, err
	}
	if err := collective.AllReduce(p.Comm, collective.Max, most); err != nil {
		return PlanResult{}, err
	}
	ledger := capacity.LedgerOf(counts)
	return PlanResult{
		Name: pc.Name, Tokens: pc.Tokens, Ranks: c.Size(), Sample: sample, Rounds: plan.Rounds,
		Kept: ledger.Kept, Rerouted: ledger.Rerouted, Calls: traffic.Calls, Bytes: most[0],
		Imbalance: capacity.MaxOverMean(plan.LoadBefore),
	}, collective.Agree(p.Comm, pc.verify(c.Rank(), c.Size(), plan))
}

// step is one rank's block of the tokens.
func (pc PlanCase) step(made trace.Step, rank, ranks int) capacity.Step {
	from, to := rank*pc.Tokens/ranks, (rank+1)*pc.Tokens/ranks
	s := capacity.Step{Scores: make([]float32, (to-from)*pc.Experts), Tokens: make([]int32, to-from)}
	made.Rows(s.Scores, 0, from, to)
	for i := range s.Tokens {
		s.Tokens[i] = int32(from + i)
	}
	return s
}

// made is the routing of all tokens, popular as a trained router's experts are.
func (pc PlanCase) made() (trace.Step, error) {
	s, err := trace.Synthetic{Kind: trace.Skewed, Experts: pc.Experts, TopK: pc.TopK, Layers: 1, Steps: 1, StepTokens: pc.Tokens, Ranks: 1, Seed: 1}.Stream()
	if err != nil {
		return trace.Step{}, err
	}
	return s.Next()
}

// verify compares the rank's part with what one process alone decides: of all tokens at once, or, where the policy
// depends on the ranks, with as many of them.
func (pc PlanCase) verify(rank, ranks int, plan *capacity.Plan) error {
	parts, part, from := 1, 0, rank*pc.Tokens/ranks
	if _, bounded := pc.Policy.Rank.Gamma(); bounded || pc.Policy.Scope == capacity.Local || pc.Policy.Policy == capacity.Expanded {
		parts, part, from = ranks, rank, 0
	}
	return collective.Run(parts, collective.Options{}, func(c collective.Communicator) error {
		model := capacity.Model{Experts: pc.Experts, TopK: pc.TopK}
		planner, err := capacity.NewPlanner(c, pc.Policy, model, capacity.Contiguous(pc.Experts, parts))
		if err != nil {
			return err
		}
		made, err := pc.made() // of this part's own: rows are made in its scratch space
		if err != nil {
			return err
		}
		alone, err := planner.Plan(pc.step(made, c.Rank(), parts))
		if err != nil || c.Rank() != part {
			return err
		}
		for t := range len(plan.Offset) - 1 {
			have := plan.Expert[plan.Offset[t]:plan.Offset[t+1]]
			want := alone.Expert[alone.Offset[from+t]:alone.Offset[from+t+1]]
			if !slices.Equal(have, want) {
				return fmt.Errorf("bench: plan: %s: token %d of rank %d keeps %v on %d ranks, %v in one process", pc.Name, t, rank, have, ranks, want)
			}
		}
		return nil
	})
}
