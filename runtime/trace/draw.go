package trace

import (
	"math"
	"math/rand/v2"
	"slices"
)

// Draw is made routing with the recording's loads: tokens that choose experts with the
// probabilities that the counts have. Everything else of them is made: which experts one
// token chooses together, and the scores.
func (l *Loads) Draw(steps, stepTokens int, seed uint64) Synthetic {
	return Synthetic{
		Kind: drawn, loads: l, Experts: l.Experts, TopK: l.TopK, Layers: len(l.Layers),
		Steps: steps, StepTokens: stepTokens, Ranks: 1, Seed: seed,
	}
}

// shares is the probability that a token chooses each expert of the i-th layer; they add
// up to K.
func (l *Loads) shares(i int) []float64 {
	tokens := float64(sum(l.Pairs[i])) / float64(l.TopK)
	shares := make([]float64, l.Experts)
	for e, n := range l.Pairs[i] {
		shares[e] = float64(n) / tokens
	}
	return shares
}

// choose draws k experts, each with its probability: systematic sampling (Madow 1949).
// The experts, in an order drawn for the token, lie on a line, each as long as its
// probability; those at u, u+1, … are chosen, none twice as none is longer than 1. u
// goes round evenly with the token's id, so that loads come out close.
func choose(share []float64, k, token int, r *rand.Rand) []int {
	const golden = 0.6180339887498949
	_, u := math.Modf(float64(token+1) * golden)
	var experts []int
	end := 0.0
	order := r.Perm(len(share))
	for _, e := range order {
		end += share[e]
		if share[e] > 0 && end > u && len(experts) < k {
			experts = append(experts, e)
			u++
		}
	}
	for i := 0; len(experts) < k; i++ { // what rounding left at the end of the line
		if e := order[len(order)-1-i]; share[e] > 0 && !slices.Contains(experts, e) {
			experts = append(experts, e)
		}
	}
	r.Shuffle(k, func(i, j int) { experts[i], experts[j] = experts[j], experts[i] })
	return experts
}
