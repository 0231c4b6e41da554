package layers

import (
	"math"
	"slices"

	"capmoe/layers/kernel"
)

// router scores every token's experts.
type router struct {
	experts int
	cfg     RouterConfig
	gates   []float32 // [T_l, E]
	choice  []float32 // [T_l, E]
	groups  []float32 // [groups]

	bias    []float32 // [E] of the layer under way, or nil
	scoring *byRows
}

func newRouter(lib kernel.Library, experts int, cfg RouterConfig) *router {
	r := &router{experts: experts, cfg: cfg}
	r.scoring = newByRows(lib, func(_, first, end int) { r.score(r.gates[first*experts : end*experts]) })
	return r
}

// forward computes the scores [T_l, E] of rows x, [T_l, H], that a choice is made by,
// -Inf where an expert is no candidate, and the gates that weights are made of; nil
// where these are the scores. Both are valid until the next call.
func (r *router) forward(x []float32, w *BlockWeights, tokens int) (scores, gates []float32) {
	r.gates = grow(r.gates, tokens*r.experts)
	w.Router.MulTo(r.gates, kernel.Values{F32: x}, tokens)
	r.bias = w.RouterBias
	r.scoring.run(tokens)
	if w.ChoiceBias == nil && !r.cfg.Groups.On() {
		return r.gates, nil
	}
	r.choice = append(r.choice[:0], r.gates...)
	if w.ChoiceBias != nil {
		addRows(r.choice, w.ChoiceBias)
	}
	if r.cfg.Groups.On() {
		for at := 0; at < len(r.choice); at += r.experts {
			r.confine(r.choice[at : at+r.experts])
		}
	}
	return r.choice, r.gates
}

// score turns the router's products, [n, E], into scores, in place.
func (r *router) score(gates []float32) {
	if r.bias != nil {
		addRows(gates, r.bias)
	}
	if r.cfg.Score == Sigmoid {
		for i, v := range gates {
			gates[i] = sigmoid(v)
		}
		return
	}
	for at := 0; at < len(gates); at += r.experts {
		exactSoftmax(gates[at : at+r.experts])
	}
}

// confine makes the experts of one token outside its best groups no candidates. Of
// groups with equal scores the first is better.
func (r *router) confine(scores []float32) {
	g := r.cfg.Groups
	size := len(scores) / g.Groups
	r.groups = grow(r.groups, g.Groups)
	for i := range r.groups {
		r.groups[i] = bestSum(scores[i*size:(i+1)*size], g.Best)
	}
	for range g.Groups - g.Keep {
		worst := len(r.groups) - 1
		for i := worst - 1; i >= 0; i-- {
			if r.groups[i] < r.groups[worst] {
				worst = i
			}
		}
		r.groups[worst] = float32(math.Inf(1))
		outside := scores[worst*size : (worst+1)*size]
		for i := range outside {
			outside[i] = float32(math.Inf(-1))
		}
	}
}

// bestSum is the sum of the n largest of one or two.
func bestSum(scores []float32, n int) float32 {
	if n == 1 {
		return slices.Max(scores)
	}
	first, second := float32(math.Inf(-1)), float32(math.Inf(-1))
	for _, s := range scores {
		first, second = max(first, s), max(second, min(first, s))
	}
	return first + second
}
