package layers

import (
	"math"

	"capmoe/layers/kernel"
)

// mlp is a gated perceptron. One serves perceptrons of any width.
type mlp struct {
	activation Activation
	products   *columnParallel // nil: a rank multiplies its own rows
	gateUp     []float32       // [n, 2F]
	act        []float32       // [n, F]

	weights *ExpertWeights // of the rows under way
	joining *byRows
}

func newMLP(lib kernel.Library, activation Activation) *mlp {
	m := &mlp{activation: activation}
	m.joining = newByRows(lib, func(_, first, end int) { m.join(first, end) })
	return m
}

// forward computes dst = Down·act(Gate·x, Up·x) for n rows, [n, H]. dst may be x.
func (m *mlp) forward(dst, x []float32, n int, w *ExpertWeights) {
	if n > 0 || m.products.sharing() {
		m.products.mulTo(m.reserve(n, w), x, n, w.GateUp)
		m.finish(dst, n, w)
	}
}

// forwardBF16 is forward of rows that have been rounded to bf16. dst may reach into the memory of x.
func (m *mlp) forwardBF16(dst []float32, x []uint16, n int, w *ExpertWeights) {
	if n > 0 {
		w.GateUp.MulBF16To(m.reserve(n, w), x, n)
		m.finish(dst, n, w)
	}
}

// reserve makes room for n rows, and gives that for their gates and ups.
func (m *mlp) reserve(n int, w *ExpertWeights) []float32 {
	_, inner := w.Down.Dims()
	m.gateUp = grow(m.gateUp, n*2*inner)
	m.act = grow(m.act, n*inner)
	return m.gateUp
}

// finish computes dst from gateUp.
func (m *mlp) finish(dst []float32, n int, w *ExpertWeights) {
	m.weights = w
	m.joining.run(n)
	m.products.mulTo(dst, m.act, n, w.Down)
	if w.DownBias != nil {
		addRows(dst[:n*len(w.DownBias)], w.DownBias)
	}
}

// join computes act of rows [first, end) from gateUp.
func (m *mlp) join(first, end int) {
	_, inner := m.weights.Down.Dims()
	gateUp := m.gateUp[first*2*inner : end*2*inner]
	if m.weights.GateUpBias != nil {
		addRows(gateUp, m.weights.GateUpBias)
	}
	m.activation.apply(m.act[first*inner:end*inner], gateUp, inner)
}

// apply computes dst [n, inner] from the rows of gateUp, [n, 2·inner], gate first.
func (a Activation) apply(dst, gateUp []float32, inner int) {
	kernel.GateTo(dst, gateUp, inner, kernel.Gate(a))
}

func sigmoid(x float32) float32 {
	return 1 / (1 + float32(math.Exp(float64(-x))))
}
