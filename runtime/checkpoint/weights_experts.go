package checkpoint

import (
	"capmoe/layers"
	"capmoe/layers/kernel"
)

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
	var err error
	if w.GateUp, err = l.slice(expert, in(layer, l.names.allGateUp), "experts × 2·width × hidden_size", 2*inner, hidden); err != nil {
		return err
	}
	w.Down, err = l.slice(expert, in(layer, l.names.allDown), "experts × hidden_size × width", hidden, inner)
	return err
}

// slice packs one expert's matrix [rows, k] of a tensor [E, rows, k].
func (l *loader) slice(expert int, name, dims string, rows, k int) (kernel.Matrix, error) {
	t, err := l.open(name, dims, l.cfg.Model.MoE.Experts, rows, k)
	if err == nil {
		err = t.checkScales()
	}
	if err != nil {
		return nil, err
	}
	w := stack{parts: []stored{t.matrix(expert)}, k: k}
	defer w.release()
	return l.lib.PackFrom(w.read, rows, k)
}
