package checkpoint

import (
	"slices"

	"capmoe/layers"
)

// mxBlocks and mxScales end the names of the two tensors that a matrix in MXFP4 is
// stored in.
const (
	mxBlocks = "_blocks"
	mxScales = "_scales"
)

// transposedExpert finds an expert of gpt-oss: matrices stored as inputs × outputs,
// whose outputs are gate and up by turns.
func (l *loader) transposedExpert(w *layers.ExpertWeights, layer, expert int) error {
	hidden, inner := l.cfg.Model.Hidden, l.cfg.Model.MoE.Inner
	gateUp := func(x []float32) error { return l.packGateUp(w, transposed(x, 2*inner)) }
	if err := l.rowsOf(gateUp, expert, in(layer, l.names.allGateUp), "experts × hidden_size × 2·width", hidden, 2*inner); err != nil {
		return err
	}
	down := func(x []float32) error { return l.packDown(w, transposed(x, hidden)) }
	if err := l.rowsOf(down, expert, in(layer, l.names.allDown), "experts × width × hidden_size", inner, hidden); err != nil {
		return err
	}
	return l.expertBiases(w, layer, expert)
}

// packedExpert finds an expert of gpt-oss as released: matrices in MXFP4, whose outputs
// are gate and up by turns.
func (l *loader) packedExpert(w *layers.ExpertWeights, layer, expert int) error {
	hidden, inner := l.cfg.Model.Hidden, l.cfg.Model.MoE.Inner
	gateUp := func(x []float32) error { return l.packGateUp(w, x) }
	if err := l.mxRowsOf(gateUp, expert, in(layer, l.names.allGateUp), 2*inner, hidden); err != nil {
		return err
	}
	down := func(x []float32) error { return l.packDown(w, x) }
	if err := l.mxRowsOf(down, expert, in(layer, l.names.allDown), hidden, inner); err != nil {
		return err
	}
	return l.expertBiases(w, layer, expert)
}

// packGateUp packs outputs [2F, H] that are gate and up by turns.
func (l *loader) packGateUp(w *layers.ExpertWeights, x []float32) (err error) {
	hidden, inner := l.cfg.Model.Hidden, l.cfg.Model.MoE.Inner
	halves(x, hidden)
	w.GateUp, err = l.lib.Pack(x, 2*inner, hidden)
	return err
}

func (l *loader) packDown(w *layers.ExpertWeights, x []float32) (err error) {
	w.Down, err = l.lib.Pack(x, l.cfg.Model.Hidden, l.cfg.Model.MoE.Inner)
	return err
}

// expertBiases finds the biases of one expert, gate and up by turns.
func (l *loader) expertBiases(w *layers.ExpertWeights, layer, expert int) error {
	if !l.cfg.Model.MoE.Bias {
		return nil
	}
	const dims = "experts × outputs"
	gateUp := func(row []float32) error {
		w.GateUpBias = slices.Clone(row)
		halves(w.GateUpBias, 1)
		return nil
	}
	if err := l.rowsOf(gateUp, expert, in(layer, l.names.allGateUp)+"_bias", dims, 2*l.cfg.Model.MoE.Inner); err != nil {
		return err
	}
	down := func(row []float32) error { w.DownBias = slices.Clone(row); return nil }
	return l.rowsOf(down, expert, in(layer, l.names.allDown)+"_bias", dims, l.cfg.Model.Hidden)
}

// rowsOf has use take one expert's part of a tensor [E, shape], valid until it returns.
func (l *loader) rowsOf(use func([]float32) error, expert int, name, dims string, shape ...int) error {
	t, err := l.tensor(name)
	if err != nil {
		return err
	}
	if err := t.Expect(dims, append([]int{l.cfg.Model.MoE.Experts}, shape...)...); err != nil {
		return err
	}
	l.later(func() error {
		rows := l.room(product(shape))
		if err := t.Rows(expert, 1).Float32(rows); err != nil {
			return err
		}
		return use(rows)
	})
	return nil
}

// mxRowsOf has use take one expert's matrix of outputs × inputs from tensors in MXFP4 that
// hold all experts, valid until it returns.
func (l *loader) mxRowsOf(use func([]float32) error, expert int, name string, outputs, inputs int) error {
	t, err := l.tensor(name + mxBlocks)
	if err != nil {
		return err
	}
	scale, err := l.tensor(name + mxScales)
	if err != nil {
		return err
	}
	experts := l.cfg.Model.MoE.Experts
	if err := scale.Expect("experts × outputs × inputs/32", experts, outputs, ceilDiv(inputs, mxGroup)); err != nil {
		return err
	}
	if inputs%mxGroup != 0 {
		return t.fault("%d inputs do not divide by %d", inputs, mxGroup)
	}
	if err := t.Expect("experts × outputs × inputs/32 × 16", experts, outputs, inputs/mxGroup, mxGroup/2); err != nil {
		return err
	}
	l.later(func() error {
		rows := l.room(outputs * inputs)
		if err := t.Rows(expert, 1).Float32MX(rows, scale.Rows(expert, 1)); err != nil {
			return err
		}
		return use(rows)
	})
	return nil
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
