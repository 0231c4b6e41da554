package bench

import (
	"fmt"
	"math"
	"time"

	"capmoe/collective"
	"capmoe/layers"
	"capmoe/layers/capacity"
	"capmoe/layers/kernel"
	"capmoe/runtime"
)

// stackVocab is the vocabulary of a made model: small, because embedding and output matrix are no
// part of what is measured.
const stackVocab = 256

// StackCase is some layers of a shape with made weights, whole: norms, attention, mixture, dropless.
type StackCase struct {
	Shape   Shape
	Layers  int
	DType   kernel.DType
	Repeats int
}

// StackReport is what a stack of layers was measured beside: peak and reads of one rank, of the same run.
type StackReport struct {
	Shape     Shape   `json:"shape"`
	Layers    int     `json:"layers"`
	DType     string  `json:"dtype"`
	Kernels   string  `json:"kernels"`
	Ranks     int     `json:"ranks"`
	Threads   int     `json:"threads"` // of every rank
	Peak      float64 `json:"peak_gflops"`
	ReadBytes float64 `json:"read_bytes_per_second"`
}

// stack is the model and its parts on one rank.
type stack struct {
	StackCase
	proc    runtime.Process
	config  layers.Config
	weights *layers.Weights
	model   *layers.Model
	pool    *layers.CachePool
	peak    *peak
	memory  *reader
	clock   phaseClock
	ledger  []int64 // [layers·E] pairs of each expert of each layer in the last step
}

// stackParts are those before the first case: peak, reads and weights.
const stackParts = 3

func newStack(p runtime.Process, sc StackCase, parts *parts) (*stack, *StackReport, error) {
	lib, err := kernel.New(kernel.Options{Threads: p.Threads, DType: sc.DType})
	if err := collective.Agree(p.Comm, err); err != nil {
		return nil, nil, err
	}
	r := &StackReport{Shape: sc.Shape, Layers: sc.Layers, DType: sc.DType.String(), Kernels: lib.Name(), Ranks: p.Comm.Size(), Threads: p.Threads}
	s := &stack{StackCase: sc, proc: p, config: sc.Shape.config(sc.Layers)}
	layout, err := p.Layout(sc.Shape.Experts)
	if err := collective.Agree(p.Comm, err); err != nil {
		return nil, nil, err
	}
	owned := layout.Owned(p.Comm.Rank())
	if err := fits(p, fmt.Sprintf("the weights of %d layers", sc.Layers), sc.Layers*(sc.Shape.dense()+len(owned)*sc.Shape.weights())*sc.DType.Bytes()); err != nil {
		return nil, nil, err
	}
	if s.peak, err = newPeak(p, lib); err != nil {
		return nil, nil, err
	}
	r.Peak = s.peak.fastest
	parts.next()
	if s.memory, err = newReader(p); err != nil {
		s.free()
		return nil, nil, err
	}
	r.ReadBytes = s.memory.fastest
	parts.next()
	if err := collective.Agree(p.Comm, s.build(lib, layout, owned)); err != nil {
		s.free()
		return nil, nil, err
	}
	parts.next()
	return s, r, nil
}

// build makes weights and model. All ranks call it.
func (s *stack) build(lib kernel.Library, layout capacity.Layout, owned []int) (err error) {
	if s.weights, err = makeWeights(lib, s.Shape, s.config, owned); err != nil {
		return err
	}
	s.ledger = make([]int64, s.Layers*s.Shape.Experts)
	s.pool = layers.NewCachePool(s.config, s.DType)
	hooks := &layers.Hooks{Enter: s.clock.enter, Planned: func(p *capacity.Plan, _ []float32, _ int) {
		copy(s.ledger[p.Layer*s.Shape.Experts:], p.LoadAfter)
	}}
	s.model, err = layers.NewModel(s.proc.Comm, layers.Parts{Config: s.config, Weights: s.weights, Kernels: lib, DType: s.DType, Layout: layout, Hooks: hooks})
	return err
}

// makeWeights packs layers whose outputs are of the size of their inputs, the same on any ranks.
func makeWeights(lib kernel.Library, s Shape, cfg layers.Config, owned []int) (*layers.Weights, error) {
	w := &layers.Weights{Embedding: layers.NewEmbedding(normals(5, cfg.Vocab*cfg.Hidden), cfg.Hidden), Norm: ones(cfg.Hidden)}
	m := &maker{lib: lib}
	w.Head = m.matrix(0, cfg.Vocab, cfg.Hidden)
	for layer := range cfg.Layers {
		w.Blocks = append(w.Blocks, m.block(s, cfg, 1000*(layer+1), owned))
	}
	return w, m.fault
}

// maker packs made matrices until a first fault.
type maker struct {
	lib   kernel.Library
	fault error
}

// block makes a layer; seeds from seed on are its own.
func (m *maker) block(s Shape, cfg layers.Config, seed int, owned []int) layers.BlockWeights {
	a, h := cfg.Attention, cfg.Hidden
	b := layers.BlockWeights{AttentionNorm: ones(h), MoENorm: ones(h), Router: m.router(seed, s.Experts, h)}
	if l := a.Latent; l.On() {
		b.Latent = layers.LatentWeights{
			Q: m.matrix(seed+1, a.Queries(), h), KVDown: m.matrix(seed+2, l.KVRank+l.Rope, h), KVNorm: ones(l.KVRank),
			KVUp: m.matrix(seed+3, a.Heads*(l.Nope+l.Value), l.KVRank), Out: m.matrix(seed+4, h, a.Heads*l.Value),
		}
	} else {
		b.Attention = layers.AttentionWeights{QKV: m.matrix(seed+1, a.Queries()+2*a.Values(), h), Out: m.matrix(seed+2, h, a.Queries())}
	}
	if s.Shared > 0 {
		shared := m.expert(seed+5, s.Shared, h)
		b.Shared = &shared
	}
	for _, e := range owned {
		b.Experts = append(b.Experts, m.expert(seed+10+2*e, s.Inner, h))
	}
	return b
}

func (m *maker) expert(seed, inner, hidden int) layers.ExpertWeights {
	return layers.ExpertWeights{GateUp: m.matrix(seed, 2*inner, hidden), Down: m.matrix(seed+1, hidden, inner)}
}

func (m *maker) matrix(seed, n, k int) kernel.Matrix {
	if m.fault != nil {
		return nil
	}
	w, err := m.lib.PackFrom(func(dst []float32, first int) error { runtime.MadeWeights(dst, seed<<16+first, k); return nil }, n, k)
	m.fault = err
	return w
}

func (m *maker) router(seed, n, k int) kernel.Matrix {
	if m.fault != nil {
		return nil
	}
	w, err := m.lib.PackF32(runtime.MadeWeights(make([]float32, n*k), seed, k), n, k)
	m.fault = err
	return w
}

func ones(n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = 1
	}
	return v
}

func (s *stack) free() {
	s.peak.free()
	s.memory.free()
	if s.weights != nil {
		s.weights.Free()
	}
}

// gemmFlops is the products with weights of n tokens, over all ranks.
func (s *stack) gemmFlops(n int) int {
	return 2 * n * s.Layers * (s.Shape.dense() + s.Shape.TopK*s.Shape.weights())
}

// attentionFlops is the products of queries, keys and values of a prompt of n tokens.
func (s *stack) attentionFlops(n int) int {
	a := s.config.Attention
	value := a.HeadDim
	if a.Latent.On() {
		value = a.Latent.Value
	}
	return s.Layers * a.Heads * n * (n + 1) * (a.HeadDim + value)
}

// weightBytes is what a step reads of the weights over all ranks: the experts that have tokens, and so often what every token meets.
func (s *stack) weightBytes(experts, denseReads int) int {
	return s.DType.Bytes() * (experts*s.Shape.weights() + denseReads*s.Layers*s.Shape.dense())
}

// hit is how many experts, of all layers, had tokens in the last step.
func (s *stack) hit() (experts int) {
	for _, n := range s.ledger {
		if n > 0 {
			experts++
		}
	}
	return experts
}

// phaseClock adds up the wall time of each phase on this rank, in nanoseconds.
type phaseClock struct {
	spent   [layers.Phases]int64
	phase   layers.Phase
	since   time.Time
	running bool
}

func (c *phaseClock) enter(_ int, p layers.Phase) {
	now := time.Now()
	if c.running {
		c.spent[c.phase] += int64(now.Sub(c.since))
	}
	c.phase, c.since, c.running = p, now, true
}

func (c *phaseClock) stop() {
	c.enter(0, c.phase)
	c.running = false
}

// phases is the seconds of each phase of the slowest rank, a mean over n steps. All ranks call it.
func (s *stack) phases(n int) (map[string]float64, error) {
	spent := s.clock.spent
	if err := collective.AllReduce(s.proc.Comm, collective.Max, spent[:]); err != nil {
		return nil, err
	}
	seconds := map[string]float64{}
	for p, ns := range spent {
		seconds[layers.Phase(p).String()] = time.Duration(ns / int64(max(1, n))).Seconds()
	}
	return seconds, nil
}

// sumBits is a number made of every bit of the hidden states of a batch, the same however its tokens
// are dealt and ordered.
func sumBits(b layers.Batch, hidden []float32) (sum uint64) {
	width := len(hidden) / max(1, len(b.IDs))
	for t, id := range b.Tokens {
		own := uint64(0)
		for i, v := range hidden[t*width : (t+1)*width] {
			own += uint64(math.Float32bits(v)) * uint64(2*i+1)
		}
		sum += own * uint64(2*id+1)
	}
	return sum
}

func finite(hidden []float32) error {
	for i, v := range hidden {
		if f := float64(v); math.IsNaN(f) || math.IsInf(f, 0) {
			return fmt.Errorf("bench: value %d of the hidden states is %v", i, v)
		}
	}
	return nil
}
