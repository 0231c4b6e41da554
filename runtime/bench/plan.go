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
	}, pc.verify(p.Comm, plan)
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

// verify holds what all ranks keep against what one process alone decides: of all tokens at once, or, where the policy
// depends on the ranks, with as many of them. Rank 0 does so for all. All ranks call it.
func (pc PlanCase) verify(c collective.Communicator, plan *capacity.Plan) error {
	kept := make([]int32, len(plan.Offset)-1)
	for t := range kept {
		kept[t] = plan.Offset[t+1] - plan.Offset[t]
	}
	sizes := make([]int32, 2*c.Size())
	if err := collective.AllGather(c, sizes, []int32{int32(len(kept)), int32(len(plan.Expert))}); err != nil {
		return err
	}
	tokens, pairs := make([]int, c.Size()), make([]int, c.Size())
	for r := range tokens {
		tokens[r], pairs[r] = int(sizes[2*r]), int(sizes[2*r+1])
	}
	perToken, err := runtime.Gather(c, kept, tokens)
	if err != nil {
		return err
	}
	experts, err := runtime.Gather(c, plan.Expert, pairs)
	if err != nil {
		return err
	}
	if c.Rank() == 0 {
		err = pc.compare(c.Size(), perToken, experts)
	}
	return collective.Agree(c, err)
}

// compare plans in this process what ranks have planned: perToken experts of each token, which follow each other.
func (pc PlanCase) compare(ranks int, perToken, experts []int32) error {
	offset := make([]int, len(perToken)+1)
	for t, n := range perToken {
		offset[t+1] = offset[t] + int(n)
	}
	parts := 1
	if _, bounded := pc.Policy.Rank.Gamma(); bounded || pc.Policy.Scope == capacity.Local || pc.Policy.Policy == capacity.Expanded {
		parts = ranks
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
		if err != nil {
			return err
		}
		for i, t := range alone.TokenIDs {
			have := experts[offset[t]:offset[t+1]]
			want := alone.Expert[alone.Offset[i]:alone.Offset[i+1]]
			if !slices.Equal(have, want) {
				return fmt.Errorf("bench: plan: %s: token %d keeps %v on %d ranks, %v in one process", pc.Name, t, have, ranks, want)
			}
		}
		return nil
	})
}
