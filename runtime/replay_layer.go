package runtime

import (
	"math/rand/v2"

	"capmoe/layers"
	"capmoe/layers/kernel"
)

// madeMixture runs made rows through made experts, routed as the trace says. All layers
// have the same experts, so that the memory is that of one.
type madeMixture struct {
	moe    *layers.MoE
	lib    kernel.Library
	shape  LayerShape
	router *givenScores
	held   [][]int                      // [layers] the experts of this rank; or one list for all
	pool   map[int]layers.ExpertWeights // those that some layer needs
	x, y   []float32                    // [T_l, H]
}

func newMadeMixture(r *replay, cfg layers.Config) (*madeMixture, error) {
	lib, err := kernel.New(kernel.Options{Threads: r.proc.Threads, DType: r.Shape.DType})
	if err != nil {
		return nil, err
	}
	m := &madeMixture{lib: lib, shape: *r.Shape, pool: map[int]layers.ExpertWeights{}, held: [][]int{r.layout.Owned(r.proc.Comm.Rank())}}
	if r.placements != nil {
		m.held = nil
		for _, where := range r.placements {
			m.held = append(m.held, where.Held[r.proc.Comm.Rank()])
		}
	}
	router, err := lib.PackF32(MadeWeights(make([]float32, cfg.MoE.Experts*cfg.Hidden), 0, cfg.Hidden), cfg.MoE.Experts, cfg.Hidden)
	if err != nil {
		return nil, err
	}
	m.router = &givenScores{Matrix: router}
	if err := m.pack(); err != nil {
		return nil, err
	}
	m.moe, err = layers.NewMoE(r.proc.Comm, layers.Parts{
		Config: cfg, Kernels: lib, Policy: r.dialect.Policy, Wire: r.dialect.Wire, DType: r.Shape.DType, Layout: r.layout, Placements: r.placements, Overlap: r.Routing.Overlap,
		Hooks: together(&layers.Hooks{Enter: m.router.enter}, r.hooks),
	})
	return m, err
}

// pack packs every expert that this rank holds in some layer.
func (m *madeMixture) pack() error {
	for _, held := range m.held {
		for _, e := range held {
			if _, there := m.pool[e]; there {
				continue
			}
			one, err := MadeExperts(m.lib, m.shape.Hidden, m.shape.Inner, []int{e})
			if err != nil {
				return err
			}
			m.pool[e] = one[0]
		}
	}
	return nil
}

func (m *madeMixture) run(layer int, scores []float32, tokens []int32) error {
	w := &layers.BlockWeights{Router: m.router}
	for _, e := range m.held[layer%len(m.held)] {
		w.Experts = append(w.Experts, m.pool[e])
	}
	m.rows(len(tokens))
	m.router.scores = scores
	return m.moe.Forward(m.y, m.x[:len(m.y)], w, layer, tokens)
}

// rows makes room for the rows of n tokens. What is in them does not matter.
func (m *madeMixture) rows(n int) {
	n *= m.shape.Hidden
	if have := len(m.x); have < n {
		r := rand.New(rand.NewPCG(12, uint64(have)))
		for range n - have {
			m.x = append(m.x, float32(r.NormFloat64()))
		}
		m.y = make([]float32, n)
	}
	m.y = m.y[:n]
}

func (m *madeMixture) describe(r *Report) {
	r.Kernels, r.DType, r.Overlap = m.lib.Name(), m.shape.DType.String(), m.moe.Overlap()
}

func (m *madeMixture) free() {
	m.router.Free()
	for _, x := range m.pool {
		x.GateUp.Free()
		x.Down.Free()
	}
}

// givenScores stands in for a layer's router: it multiplies as a router does, which is
// what the phase costs, and puts the trace's scores in the place of the result when the
// router is done, just before they are planned. They cannot be had through the product:
// a softmax of logarithms would round them, and the plan would be another.
type givenScores struct {
	kernel.Matrix           // [E, H]
	scores        []float32 // [T_l, E] of the trace
	result        []float32 // where the router works
}

func (g *givenScores) MulTo(dst []float32, x kernel.Values, m int) {
	g.Matrix.MulTo(dst, x, m)
	g.result = dst
}

func (g *givenScores) enter(_ int, p layers.Phase) {
	if p == layers.Plan {
		copy(g.result, g.scores)
	}
}
