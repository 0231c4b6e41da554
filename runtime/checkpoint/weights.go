package checkpoint

import (
	"capmoe/layers"
	"capmoe/layers/kernel"
)

// LoadWeights reads what one rank needs of a model: all but the experts, and of every
// layer the experts that held lists, in their order. Tensors of other experts are not touched.
// It refuses missing tensors, wrong shapes and types, NaN and infinity, and tensors of the model's layers that it has no use for.
func LoadWeights(s *Store, c *Config, lib kernel.Library, held func(layer int) []int) (*layers.Weights, error) {
	l := &loader{store: s, lib: lib, cfg: c, names: c.Family.namesIn(s), asked: make(map[string]bool)}
	m := c.Model
	w := new(layers.Weights)
	var err error
	if w.Embedding, err = l.embedding(); err != nil {
		return nil, err
	}
	for layer := range m.Layers {
		var b layers.BlockWeights
		if err := l.block(&b, layer, held); err != nil {
			return nil, err
		}
		w.Blocks = append(w.Blocks, b)
	}
	if w.Norm, err = l.vector(l.names.norm, "hidden_size", m.Hidden); err != nil {
		return nil, err
	}
	if c.Tied {
		w.Head, err = lib.PackFrom(func(dst []float32, first int) error { w.Embedding.Read(dst, first); return nil }, m.Vocab, m.Hidden)
	} else {
		w.Head, err = l.matrix("vocab_size × hidden_size", m.Hidden, part{l.names.head, m.Vocab})
	}
	if err != nil {
		return w, err
	}
	return w, l.unused(held)
}

// embedding reads the vectors of the vocabulary; those in bf16 stay so.
func (l *loader) embedding() (layers.Embedding, error) {
	m := l.cfg.Model
	t, err := l.open(l.names.embedding, "vocab_size × hidden_size", m.Vocab, m.Hidden)
	if err != nil {
		return layers.Embedding{}, err
	}
	defer t.Release()
	if t.DType == BF16 {
		bits := make([]uint16, t.Elements())
		return layers.NewEmbeddingBF16(bits, m.Hidden), t.BF16(bits)
	}
	vectors := make([]float32, t.Elements())
	return layers.NewEmbedding(vectors, m.Hidden), t.read(vectors)
}

// block reads one layer.
func (l *loader) block(b *layers.BlockWeights, layer int, held func(layer int) []int) (err error) {
	m := l.cfg.Model
	if b.AttentionNorm, err = l.vector(in(layer, l.names.attentionNorm), "hidden_size", m.Hidden); err != nil {
		return err
	}
	if m.Attention.Latent.On() {
		err = l.latent(&b.Latent, layer)
	} else {
		err = l.attention(&b.Attention, layer)
	}
	if err != nil {
		return err
	}
	if b.MoENorm, err = l.vector(in(layer, l.names.moeNorm), "hidden_size", m.Hidden); err != nil {
		return err
	}
	if m.Dense.At(layer) {
		b.Dense, err = l.perceptron(layer, m.Dense.Inner, [3]string{l.names.denseGate, l.names.denseUp, l.names.denseDown})
		return err
	}
	return l.mixture(b, layer, held(layer))
}

// mixture reads a layer's router, the experts owned, and the shared expert.
func (l *loader) mixture(b *layers.BlockWeights, layer int, owned []int) (err error) {
	m := l.cfg.Model
	router := in(layer, l.names.router)
	if b.Router, err = l.exact("experts × hidden_size", m.Hidden, part{router, m.MoE.Experts}); err != nil {
		return err
	}
	if m.MoE.Router.Bias {
		if b.RouterBias, err = l.vector(bias(router), "experts", m.MoE.Experts); err != nil {
			return err
		}
	}
	if m.MoE.Router.ChoiceBias {
		if b.ChoiceBias, err = l.vector(in(layer, l.names.choiceBias), "experts", m.MoE.Experts); err != nil {
			return err
		}
	}
	b.Experts = make([]layers.ExpertWeights, len(owned))
	for i, e := range owned {
		if err := l.expert(&b.Experts[i], layer, e); err != nil {
			return err
		}
	}
	if m.MoE.Shared.Inner == 0 {
		return nil
	}
	if b.Shared, err = l.perceptron(layer, m.MoE.Shared.Inner, [3]string{l.names.sharedGate, l.names.sharedUp, l.names.sharedDown}); err != nil {
		return err
	}
	if m.MoE.Shared.Gated {
		b.SharedGate, err = l.exact("1 × hidden_size", m.Hidden, part{in(layer, l.names.sharedWeight), 1})
	}
	return err
}
