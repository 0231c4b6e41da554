package layers

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"capmoe/collective"
	"capmoe/layers/capacity"
	"capmoe/layers/kernel"
)

// made is a random mixture, its reference, and the tokens of a step.
type made struct {
	cfg    Config
	ref    Reference
	x      []float32 // [T, H]
	tokens int

	nodes      []int32      // [P] where the ranks are; nil: on one node
	placements []Placement  // nil: as the layout says
	spoil      func(m *MoE) // before the first step; nil: not
	idle       bool         // the last rank holds no tokens
	kernels    kernel.DType // of matrices
	carried    kernel.DType // in which rows travel
	threads    []int        // [P] of each rank; nil: one
	overlap    int          // chunks in which rows travel between nodes
	steps      int          // 0: 2, for what memory holds from the step before must not matter

	kept   [][]int32 // [T] the plan's pairs; nil: not wanted
	weight [][]float32
}

func makeMixture(seed uint64, tokens int) made {
	r := rand.New(rand.NewPCG(seed, 0))
	m := made{tokens: tokens}
	m.cfg = Config{Hidden: 24, MoE: MoEConfig{Experts: 9, TopK: 3, Inner: 20}}
	m.cfg.MoE.Weighting = capacity.Weighting{Normalize: seed%2 == 0}
	random := func(n int, scale float64) []float32 {
		v := make([]float32, n)
		for i := range v {
			v[i] = float32(r.NormFloat64() * scale)
		}
		return v
	}
	h, f, e := m.cfg.Hidden, m.cfg.MoE.Inner, m.cfg.MoE.Experts
	m.ref = Reference{Hidden: h, Inner: f, Router: random(e*h, 0.4), Experts: make([]ReferenceExpert, e)}
	for i := range m.ref.Experts {
		m.ref.Experts[i] = ReferenceExpert{Gate: random(f*h, 0.2), Up: random(f*h, 0.2), Down: random(h*f, 0.2)}
	}
	m.x = random(tokens*h, 1)
	return m
}

func (m made) weights(lib kernel.Library, owned []int) (*BlockWeights, error) {
	h, f := m.cfg.Hidden, m.cfg.MoE.Inner
	var err error
	w := &BlockWeights{Experts: make([]ExpertWeights, len(owned))}
	if w.Router, err = lib.Pack(m.ref.Router, m.cfg.MoE.Experts, h); err != nil {
		return nil, err
	}
	for i, e := range owned {
		x := m.ref.Experts[e]
		if w.Experts[i].GateUp, err = lib.Pack(slices.Concat(x.Gate, x.Up), 2*f, h); err != nil {
			return nil, err
		}
		if w.Experts[i].Down, err = lib.Pack(x.Down, h, f); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// run computes the mixture on ranks that hold tokens in blocks; the last rank holds
// none if idle. kept are the plan's pairs of every token.
func (m made) run(ranks int, idle bool, d Dialect) (y []float32, kept [][]int32, weight [][]float32, err error) {
	y = make([]float32, len(m.x))
	m.idle = idle && ranks > 1
	m.kept, m.weight = make([][]int32, m.tokens), make([][]float32, m.tokens)
	err = collective.Run(ranks, collective.Options{}, func(c collective.Communicator) error {
		_, _, err := m.onRank(c, y, d)
		return err
	})
	return y, m.kept, m.weight, err
}

// onRank computes the outputs of a rank's tokens, those from..to, in their place in y.
func (m made) onRank(c collective.Communicator, y []float32, d Dialect) (from, to int, err error) {
	h := m.cfg.Hidden
	layout := capacity.Contiguous(m.cfg.MoE.Experts, c.Size())
	if m.nodes != nil {
		if layout, err = capacity.NewLayout(layout.ExpertRank, m.nodes); err != nil {
			return 0, 0, err
		}
	}
	held := PlacementOf(layout).Held
	if m.placements != nil {
		held = m.placements[0].Held
	}
	opts := kernel.Options{DType: m.kernels}
	if m.threads != nil {
		opts.Threads = m.threads[c.Rank()]
	}
	lib, err := kernel.New(opts)
	if err != nil {
		return 0, 0, err
	}
	w, err := m.weights(lib, held[c.Rank()])
	if err != nil {
		return 0, 0, err
	}
	holders := c.Size()
	if m.idle {
		holders--
	}
	from, to = min(c.Rank(), holders)*m.tokens/holders, min(c.Rank()+1, holders)*m.tokens/holders
	tokens := make([]int32, 0, to-from)
	for t := from; t < to; t++ {
		tokens = append(tokens, int32(t))
	}
	hooks := &Hooks{Planned: func(p *capacity.Plan, _ []float32, _ int) {
		for i, t := range tokens {
			if m.kept != nil {
				m.kept[t] = slices.Clone(p.Expert[p.Offset[i]:p.Offset[i+1]])
				m.weight[t] = slices.Clone(p.Weight[p.Offset[i]:p.Offset[i+1]])
			}
		}
	}}
	moe, err := NewMoE(c, Parts{Config: m.cfg, Kernels: lib, Policy: d.Policy, Wire: d.Wire, DType: m.carried, Layout: layout, Placements: m.placements, Overlap: m.overlap, Hooks: hooks})
	if err != nil {
		return 0, 0, err
	}
	if m.spoil != nil {
		m.spoil(moe)
	}
	for step := range max(2, m.steps) { // what memory holds from the step before must not matter
		if err := moe.Forward(y[from*h:to*h], m.x[from*h:to*h], w, step%2, tokens); err != nil {
			return 0, 0, err
		}
	}
	return from, to, nil
}

var policies = []capacity.Config{
	{},
	{Policy: capacity.Drop, Expert: capacity.Times(1)},
	{Policy: capacity.Reroute, Expert: capacity.Times(1)},
	{Policy: capacity.Expanded, Expert: capacity.Times(0.5), Extra: capacity.Extra{Kind: capacity.AllExperts}},
	{Policy: capacity.Drop, Expert: capacity.Times(0.3), Renormalize: capacity.UnitMass},
}

func TestMixtureEqualsReference(t *testing.T) {
	for i, policy := range policies {
		m := makeMixture(uint64(i), 50)
		y, kept, weight, err := m.run(3, false, Dialect{Policy: policy})
		if err != nil {
			t.Fatalf("%v: %v", policy.Policy, err)
		}
		if err := m.compare(y, kept, weight); err != nil {
			t.Fatalf("%v: %v", policy.Policy, err)
		}
	}
}

// compare holds y against the reference of the pairs that were kept.
func (m made) compare(y []float32, kept [][]int32, weight [][]float32) error {
	h := m.cfg.Hidden
	for tok := range m.tokens {
		for j, v := range m.ref.Mix(m.x[tok*h:(tok+1)*h], kept[tok], weight[tok]) {
			if got := y[tok*h+j]; !(math.Abs(float64(got-v)) <= 1e-5+1e-5*math.Abs(float64(v))) {
				return fmt.Errorf("token %d, column %d: %v, reference %v", tok, j, got, v)
			}
		}
	}
	return nil
}

func TestEveryBaselineEqualsReference(t *testing.T) {
	for _, name := range Baselines() {
		for _, ranks := range []int{1, 3, 9} {
			m := makeMixture(3, 50)
			d, err := Baseline(name, capacity.Times(1), m.cfg.MoE.TopK)
			if err != nil {
				t.Fatal(err)
			}
			y, kept, weight, err := m.run(ranks, ranks > 1, d)
			if err == nil {
				err = m.compare(y, kept, weight)
			}
			if err != nil {
				t.Fatalf("%s on %d ranks: %v", name, ranks, err)
			}
		}
	}
}

func TestPaddingChangesNothing(t *testing.T) {
	m := makeMixture(4, 60)
	d, err := Baseline("megatron-pad", capacity.Times(1.25), m.cfg.MoE.TopK)
	if err != nil {
		t.Fatal(err)
	}
	padded, _, _, err := m.run(4, false, d)
	if err != nil {
		t.Fatal(err)
	}
	d.Wire = AllToAll
	plain, _, _, err := m.run(4, false, d)
	if err != nil {
		t.Fatal(err)
	}
	if at := firstDifference(padded, plain); at >= 0 {
		t.Fatalf("value %d is %v padded, %v not", at, padded[at], plain[at])
	}
}

func TestDroplessKeepsTheReferenceTopK(t *testing.T) {
	m := makeMixture(1, 20)
	_, kept, weight, err := m.run(2, false, Dialect{})
	if err != nil {
		t.Fatal(err)
	}
	for tok := range m.tokens {
		scores := m.ref.Scores(m.x[tok*m.cfg.Hidden : (tok+1)*m.cfg.Hidden])
		order := make([]int32, len(scores))
		for e := range order {
			order[e] = int32(e)
		}
		slices.SortFunc(order, func(a, b int32) int { return int(1e9 * (scores[b] - scores[a])) })
		if !slices.Equal(kept[tok], order[:m.cfg.MoE.TopK]) {
			t.Fatalf("token %d keeps %v, best are %v", tok, kept[tok], order)
		}
		for i, e := range kept[tok] {
			if math.Abs(float64(weight[tok][i]-scores[e])) > 1e-6 {
				t.Fatalf("token %d: weight %v of expert %d, score %v", tok, weight[tok][i], e, scores[e])
			}
		}
	}
}

func TestMixtureHasTheSameBitsOnAnyRanks(t *testing.T) {
	for i, policy := range policies {
		for _, tokens := range []int{0, 1, 2, 77} {
			m := makeMixture(uint64(10+i), tokens)
			one, _, _, err := m.run(1, false, Dialect{Policy: policy})
			if err != nil {
				t.Fatal(err)
			}
			for _, ranks := range []int{2, 3, 4, 8, 9} {
				for _, idle := range []bool{false, true} {
					many, _, _, err := m.run(ranks, idle, Dialect{Policy: policy})
					if err != nil {
						t.Fatal(err)
					}
					if at := firstDifference(one, many); at >= 0 {
						t.Fatalf("%v, %d tokens: value %d is %v on %d ranks (one idle: %v), %v on one", policy.Policy, tokens, at, many[at], ranks, idle, one[at])
					}
				}
			}
		}
	}
}

func firstDifference(a, b []float32) int {
	for i := range a {
		if math.Float32bits(a[i]) != math.Float32bits(b[i]) {
			return i
		}
	}
	return -1
}
