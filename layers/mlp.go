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

// forward computes dst = Down·act(Gate·x, Up·x) for n rows, [n, H]. dst may lie in the memory of x as
// kernel.MulJoinedTo allows. Rows of products that are shared are float32.
func (m *mlp) forward(dst []float32, x kernel.Values, n int, w *ExpertWeights) {
	if n == 0 && !m.products.sharing() {
		return
	}
	how := kernel.Joined{Bias: w.GateUpBias, Gate: kernel.Gate(m.activation), Down: w.Down}
	if m.products.sharing() || !kernel.MulJoinedTo(dst, x, n, w.GateUp, how) {
		m.inSteps(dst, x, n, w)
	}
	if w.DownBias != nil {
		addRows(dst[:n*len(w.DownBias)], w.DownBias)
	}
}

// inSteps is forward, but for the last bias, one product after the other.
func (m *mlp) inSteps(dst []float32, x kernel.Values, n int, w *ExpertWeights) {
	_, inner := w.Down.Dims()
	m.gateUp, m.act = grow(m.gateUp, n*2*inner), grow(m.act, n*inner)
	if m.products.sharing() {
		m.products.mulTo(m.gateUp, x.F32, n, w.GateUp)
	} else {
		w.GateUp.MulTo(m.gateUp, x, n)
	}
	m.weights = w
	m.joining.run(n)
	m.products.mulTo(dst, m.act, n, w.Down)
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
