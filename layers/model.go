package layers

import (
	"errors"
	"fmt"

	"capmoe/collective"
	"capmoe/layers/capacity"
	"capmoe/layers/kernel"
)

// Model runs a mixture-of-experts transformer on one rank of many: its own
// sequences' attention, its own experts' rows.
type Model struct {
	comm      collective.Communicator
	cfg       Config
	weights   *Weights
	attention *attention       // one of the two
	latent    *latentAttention // is nil
	moe       *MoE
	unbounded *MoE // of steps without capacity; moe itself where the policy has none
	dense     *mlp
	products  *columnParallel // of dense matrices
	shared    int             // steps whose products were shared
	hooks     *Hooks

	x      []float32 // [T_l, H] the residual stream
	normed []float32 // [T_l, H]
	delta  []float32 // [T_l, H]

	position        []int     // [T_l] memory of the batch's
	norm            []float32 // [H] of the rows that are normalised
	norming, adding *byRows
}

// Parts is what a model is made of.
type Parts struct {
	Config  Config
	Weights *Weights
	Kernels kernel.Library
	Policy  capacity.Config
	Wire    Wire
	DType   kernel.DType // of the matrices: rows travel to experts, and keys and values are kept, in it
	Layout  capacity.Layout
	// Placements says where the experts of each layer are, where that is not as Layout
	// says: some replicated. The weights' experts follow it.
	Placements []Placement
	Overlap    int // chunks of experts in which rows travel between nodes while others are computed; 0: as many as prove fastest
	Hooks      *Hooks
}

// NewModel puts a model together. All ranks of the communicator call it.
func NewModel(c collective.Communicator, p Parts) (*Model, error) {
	moe, err := NewMoE(c, p)
	if err != nil {
		return nil, err
	}
	if n := len(p.Weights.Blocks); n != p.Config.Layers || n == 0 {
		return nil, fmt.Errorf("layers: model: weights of %d layers for a model of %d", n, p.Config.Layers)
	}
	m := &Model{comm: c, cfg: p.Config, weights: p.Weights, moe: moe, unbounded: moe, hooks: p.Hooks, dense: newMLP(p.Kernels, Activation{})}
	h := p.Config.Hidden
	m.norming = newByRows(p.Kernels, func(_, first, end int) { rmsNorm(m.normed[first*h:end*h], m.x[first*h:end*h], m.norm, m.cfg.Eps) })
	m.adding = newByRows(p.Kernels, func(_, first, end int) { addTo(m.x[first*h:end*h], m.delta[first*h:end*h]) })
	if p.Policy.Policy != capacity.Dropless {
		if m.unbounded, err = NewMoE(c, p.withoutCapacity()); err != nil {
			return nil, err
		}
	}
	if m.products, err = newColumnParallel(c, p.Layout); err != nil {
		return nil, fmt.Errorf("layers: memory of a node: %w", err)
	}
	m.dense.products, m.moe.shared.mlp.products, m.unbounded.shared.mlp.products = m.products, m.products, m.products
	if p.Config.Attention.Latent.On() {
		m.latent = newLatentAttention(c, p)
		m.latent.products = m.products
	} else {
		m.attention = newAttention(c, p)
		m.attention.products = m.products
	}
	return m, nil
}

// withoutCapacity is the same model where every pair of the top K stays.
func (p Parts) withoutCapacity() Parts {
	p.Policy.Policy, p.Policy.AfterDispatch = capacity.Dropless, false
	if p.Wire == Padded {
		p.Wire = AllToAll
	}
	return p
}

// Forward runs one step over this rank's sequences and returns the final hidden
// states after the last norm, [T_l, H], valid until the next step. All ranks call it
// together, those without tokens too.
//
// With caches, a sequence that comes in pieces has the same hidden states, bit for bit,
// as one that comes whole, as long as pieces end at multiples of PageTokens. Pieces of
// one token, and sequences without a cache, have them but for the rounding of float32:
// a product's bits may depend on its number of rows.
func (m *Model) Forward(b Batch) ([]float32, error) {
	if err := b.check(m.cfg.Vocab, m.comm.Rank()); err != nil {
		return nil, err
	}
	b.reserve()
	b.findPositions(m.position, m.comm.Rank())
	m.position = b.position
	n, h := len(b.IDs), m.cfg.Hidden
	m.x, m.normed, m.delta = grow(m.x, n*h), grow(m.normed, n*h), grow(m.delta, n*h)
	m.hooks.enter(0, Embed)
	if err := m.products.open(n); err != nil {
		return nil, err
	}
	if m.products.on {
		m.shared++
	}
	for t, id := range b.IDs {
		m.weights.Embedding.Read(m.x[t*h:(t+1)*h], int(id))
	}
	for l := range m.weights.Blocks {
		if err := m.block(l, b); err != nil {
			return nil, err
		}
	}
	b.advance()
	m.hooks.enter(m.cfg.Layers-1, Head)
	m.normalise(n, m.weights.Norm)
	return m.normed, nil
}

// block is x += attention(norm(x)); x += mixture(norm(x)), or a perceptron in place of
// the mixture.
func (m *Model) block(layer int, b Batch) error {
	w := &m.weights.Blocks[layer]
	m.hooks.enter(layer, Attention)
	n := len(b.IDs)
	m.normalise(n, w.AttentionNorm)
	if err := m.attend(w, layer, b); err != nil {
		return err
	}
	m.adding.run(n)
	m.normalise(n, w.MoENorm)
	if w.Dense != nil {
		m.hooks.enter(layer, Expert)
		m.dense.forward(m.delta, kernel.Values{F32: m.normed}, n, w.Dense)
	} else if err := m.mixture(b).Forward(m.delta, m.normed, w, layer, b.Tokens); err != nil {
		return err
	}
	m.adding.run(n)
	return m.products.fault
}

// normalise computes normed = norm(x), [n, H].
func (m *Model) normalise(n int, weights []float32) {
	m.norm = weights
	m.norming.run(n)
}

// attend is delta = attention(normed).
func (m *Model) attend(w *BlockWeights, layer int, b Batch) error {
	var err error
	if m.latent != nil {
		err = m.latent.forward(m.delta, m.normed, &w.Latent, layer, b)
	} else {
		err = m.attention.forward(m.delta, m.normed, &w.Attention, layer, b)
	}
	return errors.Join(err, m.products.fault)
}

// mixture is the one for a step.
func (m *Model) mixture(b Batch) *MoE {
	if b.Unbounded {
		return m.unbounded
	}
	return m.moe
}

// Overlap is what the mixtures have found out about overlap: those of steps with the policy's capacity, then of those without.
func (m *Model) Overlap() []OverlapChoice {
	all := m.moe.Overlap()
	if m.unbounded != m.moe {
		all = append(all, m.unbounded.Overlap()...)
	}
	return all
}

// Logits computes dst [n, V] for n rows of hidden states, [n, H].
func (m *Model) Logits(dst, hidden []float32) {
	m.weights.Head.MulTo(dst, kernel.Values{F32: hidden}, len(hidden)/m.cfg.Hidden)
}

// SharedLogits is Logits of every rank's rows, which are few: ranks of a node share the product. All ranks call it together, those
// without rows too.
func (m *Model) SharedLogits(dst, hidden []float32) error {
	n := len(hidden) / m.cfg.Hidden
	if err := m.products.open(n); err != nil {
		return err
	}
	m.products.mulTo(dst, hidden, n, m.weights.Head)
	return m.products.fault
}

// Shared is how many ranks of this node shared the products of dense matrices in the last step, 1 if each made its own, and in how many
// steps they were shared so far.
func (m *Model) Shared() (ranks, steps int) { return m.products.ranks(), m.shared }
