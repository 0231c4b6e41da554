package capacity

import "math"

// Unbounded is the budget of a level whose factor is unset.
const Unbounded = math.MaxInt32

// Budgets are the rows that one expert, one rank and one node may get in a step.
type Budgets struct {
	Expert, Rank, Node int
}

// budgets derives the step's bounds from its T tokens. The expert's is
// max(1, ceil((γ·K)·(T/E))) in float64, in this order of operations.
func (c Config) budgets(l Layout, topK, tokens int) Budgets {
	b := Budgets{Unbounded, Unbounded, Unbounded}
	if c.Policy == Dropless {
		return b
	}
	if c.Expert.set {
		b.Expert = c.expertCapacity(l, topK, tokens)
	}
	if c.Rank.set {
		b.Rank = share(c.Rank.gamma, topK, tokens, l.Ranks())
	}
	if c.Node.set {
		b.Node = share(c.Node.gamma, topK, tokens, l.Nodes())
	}
	return b
}

// expertCapacity is C in the dialect of the configuration. Every formula is computed
// in float64 in the order of operations that its system uses, because the roundings
// differ.
func (c Config) expertCapacity(l Layout, topK, tokens int) int {
	gamma, k, t, e := c.Expert.gamma, float64(topK), float64(tokens), float64(l.Experts())
	var rows float64
	switch c.Rounding {
	case Authors:
		return share(gamma, topK, tokens, l.Experts())
	case MegatronLM:
		rows = math.Ceil((t * k / e) * gamma)
	case DeepSpeed:
		rows = max(4, math.Ceil((t/e)*(gamma*k)))
	case Tutel:
		rows = k * math.Floor(gamma*math.Ceil(t/e))
	case FastMoE:
		ranks := float64(l.Ranks())
		rows = math.Ceil(gamma * math.Ceil(t/ranks) / math.Ceil(e/ranks))
	case MegaBlocks:
		rows = math.Floor(gamma * k * t / e)
	default:
		return max(1, c.MinCapacity, share(gamma, topK, tokens, l.Experts()))
	}
	return int(min(rows, Unbounded-1))
}

// share is ceil((γ·K)·(T/parts)), at most Unbounded-1.
func share(gamma float64, topK, tokens, parts int) int {
	rows := math.Ceil((gamma * float64(topK)) * (float64(tokens) / float64(parts)))
	return int(min(rows, Unbounded-1))
}

// Rows is the largest number of rows that a rank with the given number of experts
// can receive in a step of at most maxTokens tokens: the size of its buffers,
// known before anything is routed.
func (c Config) Rows(l Layout, topK, maxTokens, rankExperts int) int {
	perToken := min(topK, rankExperts)
	if c.Policy == Expanded {
		perToken = rankExperts
	}
	b := c.budgets(l, topK, maxTokens)
	if c.Scope == Local {
		// every rank rounds its own share up
		b.Expert = saturate(b.Expert, l.Ranks()*max(1, c.MinCapacity))
		b.Rank = saturate(b.Rank, l.Ranks())
		b.Node = saturate(b.Node, l.Ranks())
	}
	rows := min(maxTokens*perToken, b.Rank, b.Node)
	if b.Expert < Unbounded/max(1, rankExperts) {
		rows = min(rows, b.Expert*rankExperts)
	}
	return rows
}

func saturate(budget, extra int) int {
	if budget >= Unbounded-extra {
		return Unbounded
	}
	return budget + extra
}
