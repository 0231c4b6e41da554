package checkpoint

import "capmoe/layers"

// expert reads one expert of a layer: from tensors of its own, or from those that hold
// the experts of a layer together.
//
//	gate, up [F, H], down [H, F]                          most checkpoints
//	gate_up [E, 2F, H] gate first, down [E, H, F]         transformers 5
//	gate_up [E, H, 2F] interleaved, down [E, F, H]        gpt-oss
//	gate_up [E, 2F, H] interleaved, down [E, H, F] MXFP4  gpt-oss as released
func (l *loader) expert(w *layers.ExpertWeights, layer, expert int) error {
	switch {
	case l.cfg.Family.together && l.store.Has(in(layer, l.names.allGateUp)+mxBlocks):
		return l.packedExpert(w, layer, expert)
	case l.cfg.Family.together:
		return l.transposedExpert(w, layer, expert)
	case l.store.Has(in(layer, l.names.allGateUp)):
		return l.fusedExpert(w, layer, expert)
	}
	own := func(name string) string { return of(layer, expert, name) }
	return l.threeMatrices(w, l.cfg.Model.MoE.Inner, [3]string{own(l.names.gate), own(l.names.up), own(l.names.down)})
}

// perceptron reads a perceptron that a layer has one of; names are of gate, up, down.
func (l *loader) perceptron(layer, inner int, names [3]string) (*layers.ExpertWeights, error) {
	w := new(layers.ExpertWeights)
	for i := range names {
		names[i] = in(layer, names[i])
	}
	return w, l.threeMatrices(w, inner, names)
}

func (l *loader) threeMatrices(w *layers.ExpertWeights, inner int, names [3]string) (err error) {
	hidden := l.cfg.Model.Hidden
	if w.GateUp, err = l.matrix("width × hidden_size", hidden, part{names[0], inner}, part{names[1], inner}); err != nil {
		return err
	}
	w.Down, err = l.matrix("hidden_size × width", inner, part{names[2], hidden})
	return err
}

// fusedExpert reads an expert's rows of the tensors that hold all, laid out as packed.
func (l *loader) fusedExpert(w *layers.ExpertWeights, layer, expert int) error {
	hidden, inner := l.cfg.Model.Hidden, l.cfg.Model.MoE.Inner
	gateUp, err := l.rowsOf(expert, in(layer, l.names.allGateUp), "experts × 2·width × hidden_size", 2*inner, hidden)
	if err != nil {
		return err
	}
	if w.GateUp, err = l.lib.Pack(gateUp, 2*inner, hidden); err != nil {
		return err
	}
	down, err := l.rowsOf(expert, in(layer, l.names.allDown), "experts × hidden_size × width", hidden, inner)
	if err != nil {
		return err
	}
	w.Down, err = l.lib.Pack(down, hidden, inner)
	return err
}

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
	t, err := l.store.Tensor(name)
	if err != nil {
		return nil, err
	}
	if err := t.Expect(dims, append([]int{l.cfg.Model.MoE.Experts}, shape...)...); err != nil {
		return nil, err
	}
	dst := l.room(product(shape))
	return dst, t.Rows(expert, 1).Float32(dst)
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
