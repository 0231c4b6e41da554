package layers

import "capmoe/layers/kernel"

// router scores every token's experts: softmax over all E.
type router struct {
	experts int
	scores  []float32 // [T_l, E]
}

// forward computes the scores [T_l, E] of rows x, [T_l, H]. They are valid until the
// next call.
func (r *router) forward(x []float32, w kernel.Matrix, tokens int) []float32 {
	r.scores = grow(r.scores, tokens*r.experts)
	w.MulTo(r.scores, x, tokens)
	for t := range tokens {
		softmax(r.scores[t*r.experts : (t+1)*r.experts])
	}
	return r.scores
}
