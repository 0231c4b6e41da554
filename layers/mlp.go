package layers

import "math"

// mlp is a gated perceptron. One serves perceptrons of any width.
type mlp struct {
	activation Activation
	gateUp     []float32 // [n, 2F]
	act        []float32 // [n, F]
}

// forward computes dst = Down·act(Gate·x, Up·x) for n rows, [n, H]. dst may be x.
func (m *mlp) forward(dst, x []float32, n int, w *ExpertWeights) {
	if n == 0 {
		return
	}
	_, inner := w.Down.Dims()
	m.gateUp = grow(m.gateUp, n*2*inner)
	m.act = grow(m.act, n*inner)
	w.GateUp.MulTo(m.gateUp, x, n)
	if w.GateUpBias != nil {
		addRows(m.gateUp, w.GateUpBias)
	}
	for r := range n {
		row := m.gateUp[r*2*inner:][:2*inner]
		m.activation.apply(m.act[r*inner:(r+1)*inner], row[:inner], row[inner:])
	}
	w.Down.MulTo(dst, m.act, n)
	if w.DownBias != nil {
		addRows(dst[:n*len(w.DownBias)], w.DownBias)
	}
}

// apply computes dst from gate and up, [F] each.
func (a Activation) apply(dst, gate, up []float32) {
	if a.Limit == 0 {
		siluMul(dst, gate, up)
		return
	}
	for i, g := range gate {
		g = min(g, a.Limit)
		u := min(max(up[i], -a.Limit), a.Limit)
		dst[i] = g * sigmoid(a.Alpha*g) * (u + 1)
	}
}

// siluMul computes dst = gate·sigmoid(gate) ⊙ up.
func siluMul(dst, gate, up []float32) {
	for i, g := range gate {
		dst[i] = g / (1 + float32(math.Exp(float64(-g)))) * up[i]
	}
}

func sigmoid(x float32) float32 {
	return 1 / (1 + float32(math.Exp(float64(-x))))
}
