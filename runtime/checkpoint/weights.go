package checkpoint

import (
	"capmoe/layers"
	"capmoe/layers/kernel"
)

// Found is where the weights of one rank are.
type Found struct {
	weights *layers.Weights
	loader  *loader
}

// FindWeights finds what one rank needs of a model: all but the experts, and of every
// layer the experts that held lists, in their order. It reads headers alone.
// It refuses missing tensors, wrong shapes, and tensors of the model's layers that it has no use for.
func FindWeights(s *Store, c *Config, held func(layer int) []int) (*Found, error) {
	l := &loader{store: s, cfg: c, names: c.Family.namesIn(s), asked: make(map[string]bool)}
	m, w := c.Model, new(layers.Weights)
	if err := l.embedding(&w.Embedding); err != nil {
		return nil, err
	}
	w.Blocks = make([]layers.BlockWeights, m.Layers)
	for layer := range w.Blocks {
		if err := l.block(&w.Blocks[layer], layer, held); err != nil {
			return nil, err
		}
	}
	if err := l.vector(&w.Norm, l.names.norm, "hidden_size", m.Hidden); err != nil {
		return nil, err
	}
	if err := l.head(w); err != nil {
		return nil, err
	}
	return &Found{w, l}, l.unused(held)
}

// Read reads the weights, once, while the store is open. Tensors of other experts are not touched.
// It refuses types that are no weights', NaN and infinity.
func (f *Found) Read(lib kernel.Library) (*layers.Weights, error) {
	f.loader.lib = lib
	for _, read := range f.loader.reads {
		if err := read(); err != nil {
			return nil, err
		}
	}
	return f.weights, nil
}

// embedding finds the vectors of the vocabulary; those in bf16 stay so.
func (l *loader) embedding(dst *layers.Embedding) error {
	m := l.cfg.Model
	t, err := l.open(l.names.embedding, "vocab_size × hidden_size", m.Vocab, m.Hidden)
	if err != nil {
		return err
	}
	l.later(func() error {
		defer t.Release()
		if t.DType == BF16 {
			bits := make([]uint16, t.Elements())
			*dst = layers.NewEmbeddingBF16(bits, m.Hidden)
			return t.BF16(bits)
		}
		vectors := make([]float32, t.Elements())
		*dst = layers.NewEmbedding(vectors, m.Hidden)
		return t.read(vectors)
	})
	return nil
}

// block finds one layer.
func (l *loader) block(b *layers.BlockWeights, layer int, held func(layer int) []int) (err error) {
	m := l.cfg.Model
	if err := l.vector(&b.AttentionNorm, in(layer, l.names.attentionNorm), "hidden_size", m.Hidden); err != nil {
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
	if err := l.vector(&b.MoENorm, in(layer, l.names.moeNorm), "hidden_size", m.Hidden); err != nil {
		return err
	}
	if m.Dense.At(layer) {
		b.Dense, err = l.perceptron(layer, m.Dense.Inner, [3]string{l.names.denseGate, l.names.denseUp, l.names.denseDown})
		return err
	}
	return l.mixture(b, layer, held(layer))
}

// mixture finds a layer's router, the experts owned, and the shared expert.
func (l *loader) mixture(b *layers.BlockWeights, layer int, owned []int) (err error) {
	m := l.cfg.Model
	router := in(layer, l.names.router)
	if err := l.exact(&b.Router, "experts × hidden_size", m.Hidden, part{router, m.MoE.Experts}); err != nil {
		return err
	}
	if m.MoE.Router.Bias {
		if err := l.vector(&b.RouterBias, bias(router), "experts", m.MoE.Experts); err != nil {
			return err
		}
	}
	if m.MoE.Router.ChoiceBias {
		if err := l.vector(&b.ChoiceBias, in(layer, l.names.choiceBias), "experts", m.MoE.Experts); err != nil {
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
		return l.exact(&b.SharedGate, "1 × hidden_size", m.Hidden, part{in(layer, l.names.sharedWeight), 1})
	}
	return nil
}
