package checkpoint

import "capmoe/layers"

// expert finds one expert of a layer: from tensors of its own, or from those that hold
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

// perceptron finds a perceptron that a layer has one of; names are of gate, up, down.
func (l *loader) perceptron(layer, inner int, names [3]string) (*layers.ExpertWeights, error) {
	w := new(layers.ExpertWeights)
	for i := range names {
		names[i] = in(layer, names[i])
	}
	return w, l.threeMatrices(w, inner, names)
}

func (l *loader) threeMatrices(w *layers.ExpertWeights, inner int, names [3]string) error {
	hidden := l.cfg.Model.Hidden
	if err := l.matrix(&w.GateUp, "width × hidden_size", hidden, part{names[0], inner}, part{names[1], inner}); err != nil {
		return err
	}
	return l.matrix(&w.Down, "hidden_size × width", inner, part{names[2], hidden})
}

// fusedExpert finds an expert's rows of the tensors that hold all, laid out as packed.
func (l *loader) fusedExpert(w *layers.ExpertWeights, layer, expert int) error {
	hidden, inner := l.cfg.Model.Hidden, l.cfg.Model.MoE.Inner
	gateUp, err := l.slice(expert, in(layer, l.names.allGateUp), "experts × 2·width × hidden_size", 2*inner, hidden)
	if err != nil {
		return err
	}
	l.pack(&w.GateUp, gateUp)
	down, err := l.slice(expert, in(layer, l.names.allDown), "experts × hidden_size × width", hidden, inner)
	if err != nil {
		return err
	}
	l.pack(&w.Down, down)
	return nil
}

// slice finds one expert's matrix [rows, k] of a tensor [E, rows, k].
func (l *loader) slice(expert int, name, dims string, rows, k int) (stack, error) {
	t, err := l.open(name, dims, l.cfg.Model.MoE.Experts, rows, k)
	if err == nil {
		err = t.checkScales()
	}
	if err != nil {
		return stack{}, err
	}
	return stack{parts: []stored{t.matrix(expert)}, k: k}, nil
}
