package layers

import "math"

// experts runs the experts that this rank owns on the rows sent to it.
type experts struct {
	hidden, inner int
	gateUp        []float32 // [rows of one expert, 2F]
	act           []float32 // [rows of one expert, F]
}

// forward replaces rows, [N, H] grouped by owned expert with counts[i] rows for the
// i-th, by the experts' outputs.
func (x *experts) forward(rows []float32, counts []int, w []ExpertWeights) {
	at := 0
	for i, n := range counts {
		x.expert(rows[at*x.hidden:(at+n)*x.hidden], n, w[i])
		at += n
	}
}

// expert computes rows = Down·(silu(Gate·rows) ⊙ Up·rows) for n rows of one expert.
func (x *experts) expert(rows []float32, n int, w ExpertWeights) {
	if n == 0 {
		return
	}
	x.gateUp = grow(x.gateUp, n*2*x.inner)
	x.act = grow(x.act, n*x.inner)
	w.GateUp.MulTo(x.gateUp, rows, n)
	for r := range n {
		gate := x.gateUp[r*2*x.inner:][:x.inner]
		up := x.gateUp[(r*2+1)*x.inner:][:x.inner]
		siluMul(x.act[r*x.inner:(r+1)*x.inner], gate, up)
	}
	w.Down.MulTo(rows, x.act, n)
}

// siluMul computes dst = gate·sigmoid(gate) ⊙ up.
func siluMul(dst, gate, up []float32) {
	for i, g := range gate {
		dst[i] = g / (1 + float32(math.Exp(float64(-g)))) * up[i]
	}
}
