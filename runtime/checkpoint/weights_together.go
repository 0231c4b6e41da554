package checkpoint

import "capmoe/layers"

// mxBlocks and mxScales end the names of the two tensors that a matrix in MXFP4 is
// stored in.
const (
	mxBlocks = "_blocks"
	mxScales = "_scales"
)

// transposedExpert reads an expert of gpt-oss: matrices stored as inputs × outputs,
// whose outputs are gate and up by turns.
func (l *loader) transposedExpert(w *layers.ExpertWeights, layer, expert int) error {
	hidden, inner := l.cfg.Model.Hidden, l.cfg.Model.MoE.Inner
	gateUp, err := l.rowsOf(expert, in(layer, l.names.allGateUp), "experts × hidden_size × 2·width", hidden, 2*inner)
	if err != nil {
		return err
	}
	gateUp = transposed(gateUp, 2*inner)
	halves(gateUp, hidden)
	if w.GateUp, err = l.lib.Pack(gateUp, 2*inner, hidden); err != nil {
		return err
	}
	down, err := l.rowsOf(expert, in(layer, l.names.allDown), "experts × width × hidden_size", inner, hidden)
	if err != nil {
		return err
	}
	if w.Down, err = l.lib.Pack(transposed(down, hidden), hidden, inner); err != nil {
		return err
	}
	return l.expertBiases(w, layer, expert)
}

// packedExpert reads an expert of gpt-oss as released: matrices in MXFP4, whose outputs
// are gate and up by turns.
func (l *loader) packedExpert(w *layers.ExpertWeights, layer, expert int) error {
	hidden, inner := l.cfg.Model.Hidden, l.cfg.Model.MoE.Inner
	gateUp, err := l.mxRowsOf(expert, in(layer, l.names.allGateUp), 2*inner, hidden)
	if err != nil {
		return err
	}
	halves(gateUp, hidden)
	if w.GateUp, err = l.lib.Pack(gateUp, 2*inner, hidden); err != nil {
		return err
	}
	down, err := l.mxRowsOf(expert, in(layer, l.names.allDown), hidden, inner)
	if err != nil {
		return err
	}
	if w.Down, err = l.lib.Pack(down, hidden, inner); err != nil {
		return err
	}
	return l.expertBiases(w, layer, expert)
}

// expertBiases reads the biases of one expert, gate and up by turns.
func (l *loader) expertBiases(w *layers.ExpertWeights, layer, expert int) error {
	if !l.cfg.Model.MoE.Bias {
		return nil
	}
	for _, b := range []struct {
		dst  *[]float32
		name string
		n    int
	}{{&w.GateUpBias, l.names.allGateUp, 2 * l.cfg.Model.MoE.Inner}, {&w.DownBias, l.names.allDown, l.cfg.Model.Hidden}} {
		row, err := l.rowsOf(expert, in(layer, b.name)+"_bias", "experts × outputs", b.n)
		if err != nil {
			return err
		}
		*b.dst = append([]float32(nil), row...)
	}
	halves(w.GateUpBias, 1)
	return nil
}

// rowsOf reads one expert's part of a tensor [E, shape], valid until the next matrix
// is read.
func (l *loader) rowsOf(expert int, name, dims string, shape ...int) ([]float32, error) {
	t, err := l.tensor(name)
	if err != nil {
		return nil, err
	}
	if err := t.Expect(dims, append([]int{l.cfg.Model.MoE.Experts}, shape...)...); err != nil {
		return nil, err
	}
	dst := l.room(product(shape))
	return dst, t.Rows(expert, 1).Float32(dst)
}

// mxRowsOf reads one expert's matrix of outputs × inputs from tensors in MXFP4 that
// hold all experts, valid until the next matrix is read.
func (l *loader) mxRowsOf(expert int, name string, outputs, inputs int) ([]float32, error) {
	t, err := l.tensor(name + mxBlocks)
	if err != nil {
		return nil, err
	}
	scale, err := l.tensor(name + mxScales)
	if err != nil {
		return nil, err
	}
	experts := l.cfg.Model.MoE.Experts
	if err := scale.Expect("experts × outputs × inputs/32", experts, outputs, ceilDiv(inputs, mxGroup)); err != nil {
		return nil, err
	}
	if inputs%mxGroup != 0 {
		return nil, t.fault("%d inputs do not divide by %d", inputs, mxGroup)
	}
	if err := t.Expect("experts × outputs × inputs/32 × 16", experts, outputs, inputs/mxGroup, mxGroup/2); err != nil {
		return nil, err
	}
	dst := l.room(outputs * inputs)
	return dst, t.Rows(expert, 1).Float32MX(dst, scale.Rows(expert, 1))
}

// transposed is the matrix m, whose rows have k columns, with rows and columns swapped.
func transposed(m []float32, k int) []float32 {
	rows := len(m) / k
	t := make([]float32, len(m))
	for r := range rows {
		for c, v := range m[r*k : (r+1)*k] {
			t[c*rows+r] = v
		}
	}
	return t
}
