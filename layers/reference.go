package layers

import "math"

// ReferenceExpert is one SwiGLU expert as checkpoints store it.
type ReferenceExpert struct {
	Gate, Up []float32 // [F, H]
	Down     []float32 // [H, F]
}

// Reference is a mixture in one place, in plain loops with float64 sums: the truth
// that the distributed one must equal within float32 rounding.
type Reference struct {
	Hidden, Inner int
	Router        []float32 // [E, H]
	Experts       []ReferenceExpert
}

// Scores is the softmax of router · x over the experts, for one token x [H].
func (r Reference) Scores(x []float32) []float32 {
	logits := make([]float64, len(r.Experts))
	sum := 0.0
	for e := range logits {
		logits[e] = math.Exp(dot(r.Router[e*r.Hidden:(e+1)*r.Hidden], x))
		sum += logits[e]
	}
	scores := make([]float32, len(logits))
	for e, v := range logits {
		scores[e] = float32(v / sum)
	}
	return scores
}

// Mix is Σ weights[i] · expert[i](x) for one token x [H] in the order given.
func (r Reference) Mix(x []float32, experts []int32, weights []float32) []float32 {
	y := make([]float64, r.Hidden)
	for i, e := range experts {
		for j, v := range r.expert(e, x) {
			y[j] += float64(weights[i]) * v
		}
	}
	out := make([]float32, r.Hidden)
	for j, v := range y {
		out[j] = float32(v)
	}
	return out
}

// expert is Down·(silu(Gate·x) ⊙ Up·x).
func (r Reference) expert(e int32, x []float32) []float64 {
	w := r.Experts[e]
	act := make([]float32, r.Inner)
	for f := range act {
		gate := dot(w.Gate[f*r.Hidden:(f+1)*r.Hidden], x)
		up := dot(w.Up[f*r.Hidden:(f+1)*r.Hidden], x)
		act[f] = float32(gate / (1 + math.Exp(-gate)) * up)
	}
	y := make([]float64, r.Hidden)
	for j := range y {
		y[j] = dot(w.Down[j*r.Inner:(j+1)*r.Inner], act)
	}
	return y
}

func dot(a, b []float32) float64 {
	sum := 0.0
	for i, v := range a {
		sum += float64(v) * float64(b[i])
	}
	return sum
}
