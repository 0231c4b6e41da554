package capacity

import (
	"fmt"
	"math"
	"slices"
)

// Plan says which pairs of a step are computed. The rank's own part is TokenIDs,
// Offset, Expert, Weight and Ledger; the rest is the same on every rank.
//
// Invariants, checked by valid on every plan:
//
//  1. the pairs of local token t are Expert[Offset[t]:Offset[t+1]], in order of
//     score, then expert id; no expert occurs twice in them
//  2. the ledger balances: routed + extra = kept + dropped, and kept = len(Expert); with
//     pairs refused after dispatch, len(Expert) = routed, the refused ones at weight 0
//  3. no budget is exceeded: LoadAfter[e] ≤ Budgets.Expert, and so for rank and node;
//     in scope local the same of the rank's own pairs and its own budgets
//
// A Plan is valid until its Planner's next one.
type Plan struct {
	Layer    int
	TokenIDs []int32   // [T_l] global ids of the local tokens
	Offset   []int32   // [T_l+1]
	Expert   []int32   // [kept]
	Weight   []float32 // [kept]
	Ledger   Ledger

	Tokens     int     // T, over all ranks
	Budgets    Budgets // scope local: the widest of any rank
	LoadBefore []int64 // [E] pairs of the top K
	LoadAfter  []int64 // [E] kept pairs
	LoadSent   []int64 // [E] pairs that travel: LoadAfter, or LoadBefore if they are refused after dispatch
	Rounds     int     // rounds in which somebody proposed
	planner    *Planner
	room       int64 // Σ over the selections of their expert capacity; Unbounded if unset
}

// Account adds local token t's part of Ledger to another.
func (p *Plan) Account(l *Ledger, t int) {
	p.planner.account(l, t, p.planner.props.top(t))
}

// Computed is local token t's experts and weights without pairs that are refused after dispatch.
func (p *Plan) Computed(t int) (experts []int32, weights []float32) {
	pr := &p.planner.props
	from, n := p.Offset[t], int32(0)
	for _, e := range pr.slot[t*pr.width : (t+1)*pr.width] {
		if e >= 0 {
			n++
		}
	}
	return p.Expert[from : from+n], p.Weight[from : from+n]
}

// Spent is how many of local token t's choices went through all experts that it has scores
// for, and found no place.
func (p *Plan) Spent(t int) (choices int) {
	pr := &p.planner.props
	for _, e := range pr.slot[t*pr.width : (t+1)*pr.width] {
		if e == spentSlot {
			choices++
		}
	}
	return choices
}

// EffectiveFactor is the capacity factor that the rounding and the scope really
// grant: all selections' capacity × E / routed pairs. It is +Inf without a bound.
func (p *Plan) EffectiveFactor() float64 {
	routed := int64(0)
	for _, n := range p.LoadBefore {
		routed += n
	}
	if p.Budgets.Expert == Unbounded || routed == 0 {
		return math.Inf(1)
	}
	return float64(p.room) * float64(len(p.LoadBefore)) / float64(routed)
}

// Hash is a fingerprint of what all ranks must hold in common.
func (p *Plan) Hash() uint64 {
	h := mix(uint64(p.Layer)<<32 ^ uint64(p.Tokens))
	h = mix(h ^ uint64(p.Rounds)<<32 ^ uint64(p.Budgets.Expert))
	for e, n := range p.LoadBefore {
		h = mix(h ^ uint64(n)<<32 ^ uint64(p.LoadAfter[e]))
	}
	return h
}

// RankLoads adds the experts' loads up by rank.
func (l Layout) RankLoads(load []int64) []int64 {
	ranks := make([]int64, l.Ranks())
	for e, n := range load {
		ranks[l.ExpertRank[e]] += n
	}
	return ranks
}

// MaxOverMean is how far the most loaded expert, or rank, is above the mean; 1 where nothing is loaded.
func MaxOverMean(loads []int64) float64 {
	sum := int64(0)
	for _, n := range loads {
		sum += n
	}
	if sum == 0 {
		return 1
	}
	return float64(slices.Max(loads)) * float64(len(loads)) / float64(sum)
}

func (p *Plan) valid(l Layout, cfg Config) error {
	fault := func(format string, args ...any) error {
		return fmt.Errorf("capacity: layer %d: plan: "+format, append([]any{p.Layer}, args...)...)
	}
	for t := range len(p.Offset) - 1 {
		experts := p.Expert[p.Offset[t]:p.Offset[t+1]]
		for i, e := range experts {
			if slices.Contains(experts[:i], e) {
				return fault("local token %d keeps expert %d twice", t, e)
			}
		}
	}
	if err := p.Ledger.Balance(); err != nil {
		return fault("%w", err)
	}
	travel := p.Ledger.Kept
	if cfg.AfterDispatch {
		travel = p.Ledger.Routed
	}
	if int64(len(p.Expert)) != travel {
		return fault("%d pairs, ledger says %d", len(p.Expert), travel)
	}
	load, budgets := p.LoadAfter, p.planner.agree.budgets
	if cfg.Scope == Local {
		load = p.planner.sums[:len(load)]
		clear(load)
		for _, e := range p.Expert {
			load[e]++
		}
	}
	for e, n := range load {
		if n > int64(budgets.Expert) {
			return fault("expert %d keeps %d pairs, capacity %d", e, n, budgets.Expert)
		}
	}
	if budgets.Rank == Unbounded && budgets.Node == Unbounded {
		return nil
	}
	nodes := make([]int64, l.Nodes())
	for r, n := range l.RankLoads(load) {
		nodes[l.RankNode[r]] += n
		if n > int64(budgets.Rank) {
			return fault("rank %d gets %d pairs, capacity %d", r, n, budgets.Rank)
		}
	}
	for i, n := range nodes {
		if n > int64(budgets.Node) {
			return fault("node %d gets %d pairs, capacity %d", i, n, budgets.Node)
		}
	}
	return nil
}
