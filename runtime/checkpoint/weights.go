package checkpoint

import (
	"capmoe/layers"
	"capmoe/layers/kernel"
)

// loader reads one rank's weights from a store into a kernel library's layout.
type loader struct {
	store *Store
	lib   kernel.Library
	cfg   *Config
	buf   []float32
}

// LoadWeights reads what one rank needs of a model: all but the experts, and of every
// layer the experts owned, in their order. Tensors of other experts are not touched.
// It refuses missing tensors, wrong shapes and types, NaN and infinity.
func LoadWeights(s *Store, c *Config, lib kernel.Library, owned []int) (*layers.Weights, error) {
	l := &loader{store: s, lib: lib, cfg: c}
	m, n := c.Model, c.Family.names
	w := &layers.Weights{Blocks: make([]layers.BlockWeights, m.Layers)}
	var err error
	if w.Embedding, err = l.vector(n.embedding, "vocab_size × hidden_size", m.Vocab, m.Hidden); err != nil {
		return nil, err
	}
	for i := range w.Blocks {
		if err := l.block(&w.Blocks[i], i, owned); err != nil {
			return nil, err
		}
	}
	if w.Norm, err = l.vector(n.norm, "hidden_size", m.Hidden); err != nil {
		return nil, err
	}
	if c.Tied {
		w.Head, err = lib.Pack(w.Embedding, m.Vocab, m.Hidden)
	} else {
		w.Head, err = l.matrix("vocab_size × hidden_size", m.Hidden, part{n.head, m.Vocab})
	}
	return w, err
}

func (l *loader) block(b *layers.BlockWeights, layer int, owned []int) (err error) {
	m, n := l.cfg.Model, l.cfg.Family.names
	if b.AttentionNorm, err = l.vector(in(layer, n.attentionNorm), "hidden_size", m.Hidden); err != nil {
		return err
	}
	if err = l.attention(&b.Attention, layer); err != nil {
		return err
	}
	if b.MoENorm, err = l.vector(in(layer, n.moeNorm), "hidden_size", m.Hidden); err != nil {
		return err
	}
	if b.Router, err = l.matrix("experts × hidden_size", m.Hidden, part{in(layer, n.router), m.MoE.Experts}); err != nil {
		return err
	}
	b.Experts = make([]layers.ExpertWeights, len(owned))
	for i, e := range owned {
		x := &b.Experts[i]
		gate, up := part{of(layer, e, n.gate), m.MoE.Inner}, part{of(layer, e, n.up), m.MoE.Inner}
		if x.GateUp, err = l.matrix("expert width × hidden_size", m.Hidden, gate, up); err != nil {
			return err
		}
		if x.Down, err = l.matrix("hidden_size × expert width", m.MoE.Inner, part{of(layer, e, n.down), m.Hidden}); err != nil {
			return err
		}
	}
	return nil
}

func (l *loader) attention(w *layers.AttentionWeights, layer int) (err error) {
	a, hidden, n := l.cfg.Model.Attention, l.cfg.Model.Hidden, l.cfg.Family.names
	q, k, v := part{in(layer, n.q), a.Queries()}, part{in(layer, n.k), a.Values()}, part{in(layer, n.v), a.Values()}
	if w.QKV, err = l.matrix("heads·head_dim × hidden_size", hidden, q, k, v); err != nil {
		return err
	}
	if w.Out, err = l.matrix("hidden_size × heads·head_dim", a.Queries(), part{in(layer, n.o), hidden}); err != nil {
		return err
	}
	if a.QKNorm == layers.NoQKNorm {
		return nil
	}
	queries, keys := a.Queries(), a.Values()
	if a.QKNorm == layers.HeadQKNorm {
		queries, keys = a.HeadDim, a.HeadDim
	}
	if w.QNorm, err = l.vector(in(layer, n.qNorm), "width of the query norm", queries); err != nil {
		return err
	}
	w.KNorm, err = l.vector(in(layer, n.kNorm), "width of the key norm", keys)
	return err
}

// part is a stored matrix of some rows that a packed matrix is made of.
type part struct {
	name string
	rows int
}

// matrix packs stored matrices of k columns, one below the other.
func (l *loader) matrix(dims string, k int, parts ...part) (kernel.Matrix, error) {
	rows := 0
	for _, p := range parts {
		rows += p.rows
	}
	if cap(l.buf) < rows*k {
		l.buf = make([]float32, rows*k)
	}
	buf := l.buf[:rows*k]
	for _, p := range parts {
		if err := l.read(buf[:p.rows*k], p.name, dims, p.rows, k); err != nil {
			return nil, err
		}
		buf = buf[p.rows*k:]
	}
	return l.lib.Pack(l.buf[:rows*k], rows, k)
}

// vector reads a stored tensor as it is, row-major.
func (l *loader) vector(name, dims string, shape ...int) ([]float32, error) {
	dst := make([]float32, product(shape))
	return dst, l.read(dst, name, dims, shape...)
}

func (l *loader) read(dst []float32, name, dims string, shape ...int) error {
	t, err := l.store.Tensor(name)
	if err != nil {
		return err
	}
	if err := t.Expect(dims, shape...); err != nil {
		return err
	}
	return t.Float32(dst)
}
