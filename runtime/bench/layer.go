package bench

import (
	"fmt"
	"math"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"capmoe/collective"
	"capmoe/layers"
	"capmoe/layers/capacity"
	"capmoe/layers/kernel"
	"capmoe/runtime"
)

// LayerCase is one mixture layer with made weights under skewed routing.
type LayerCase struct {
	Shape  Shape
	DType  kernel.DType
	Tokens int // T, over all ranks
	// Skew is the exponent of a Zipf law: expert i, in an order drawn at random, has the
	// logit -Skew·ln(i+1) on top of each token's own.
	Skew float64
}

// LayerResult is what one policy's layer cost.
type LayerResult struct {
	Name string `json:"name"`
	Sample
	Phases       map[string]float64 `json:"seconds"` // of the slowest rank, median run
	Kept         int64              `json:"kept"`
	GateMassLost float64            `json:"gate_mass_lost"`
	MaxLoad      int64              `json:"max_rank_load"` // pairs of the busiest rank
	Speedup      float64            `json:"speedup"`       // over the first policy
	Bound        float64            `json:"bound"`         // max rank load of the first policy / this one's
}

// Layer measures the policies by turns, the first of them the base of comparison.
func Layer(p runtime.Process, lc LayerCase, names []string, policies []capacity.Config, repeats int) ([]LayerResult, error) {
	parts, w, err := lc.make(p)
	if err != nil {
		return nil, err
	}
	runs := make([]*layerRun, len(policies))
	for i, policy := range policies {
		parts.Policy = policy
		if runs[i], err = newLayerRun(p.Comm, parts, w, lc); err != nil {
			return nil, err
		}
	}
	for turn := range repeats + 1 { // the first warms up
		for _, r := range runs {
			if err := r.once(turn > 0); err != nil {
				return nil, err
			}
		}
	}
	results := make([]LayerResult, len(runs))
	for i, r := range runs {
		if results[i], err = r.result(names[i]); err != nil {
			return nil, err
		}
		results[i].Speedup = results[0].Median.Seconds() / results[i].Median.Seconds()
		results[i].Bound = float64(results[0].MaxLoad) / float64(max(1, results[i].MaxLoad))
	}
	return results, nil
}

// make gives the layer's parts, dropless, and its weights on this rank. All ranks call it.
func (lc LayerCase) make(p runtime.Process) (parts layers.Parts, w *layers.BlockWeights, err error) {
	s := lc.Shape
	parts.Config = layers.Config{Hidden: s.Hidden, Layers: 1, MoE: layers.MoEConfig{Experts: s.Experts, TopK: s.TopK, Inner: s.Inner}}
	parts.DType = lc.DType
	if parts.Kernels, err = kernel.New(kernel.Options{Threads: p.Threads, DType: lc.DType}); err != nil {
		return parts, nil, err
	}
	if parts.Layout, err = p.Layout(s.Experts); err != nil {
		return parts, nil, err
	}
	owned := parts.Layout.Owned(p.Comm.Rank())
	if err = fits(p, fmt.Sprintf("%d experts", len(owned)), len(owned)*s.weights()*lc.DType.Bytes()); err != nil {
		return parts, nil, err
	}
	w, err = lc.weights(parts.Kernels, owned)
	return parts, w, collective.Agree(p.Comm, err)
}

// weights packs the rank's experts, and a router that gives column 0 of a token, which
// is 1, the expert's popularity.
func (lc LayerCase) weights(lib kernel.Library, owned []int) (*layers.BlockWeights, error) {
	s := lc.Shape
	w := &layers.BlockWeights{}
	r := rand.New(rand.NewPCG(11, 0))
	router := make([]float32, s.Experts*s.Hidden)
	for i := range router {
		router[i] = float32(r.NormFloat64() / math.Sqrt(float64(s.Hidden)))
	}
	for i, e := range r.Perm(s.Experts) {
		router[e*s.Hidden] = float32(-lc.Skew * math.Log(float64(i+1)))
	}
	var err error
	if w.Router, err = lib.PackF32(router, s.Experts, s.Hidden); err != nil {
		return nil, err
	}
	w.Experts, err = runtime.MadeExperts(lib, s.Hidden, s.Inner, owned)
	return w, err
}

// layerRun runs one policy's layer and gathers its numbers.
type layerRun struct {
	comm   collective.Communicator
	moe    *layers.MoE
	w      *layers.BlockWeights
	x, y   []float32 // [T_l, H]
	tokens []int32
	sum    uint64 // of the bits of y: the same in every turn

	times  []int64       // of each turn, nanoseconds
	inside *atomic.Int64 // nanoseconds inside operations; nil: not measured
	waited []int64       // of each turn
	phases []int64       // of each turn, [turns, Phases]
	clock  phaseClock
	load   int64 // pairs computed here
	ledger capacity.Ledger
}

func newLayerRun(c collective.Communicator, parts layers.Parts, w *layers.BlockWeights, lc LayerCase) (*layerRun, error) {
	r := &layerRun{comm: c, w: w}
	parts.Hooks = &layers.Hooks{Enter: r.clock.enter, Planned: r.planned}
	moe, err := layers.NewMoE(c, parts)
	if err := collective.Agree(c, err); err != nil {
		return nil, err
	}
	r.moe = moe
	h := lc.Shape.Hidden
	from, to := c.Rank()*lc.Tokens/c.Size(), (c.Rank()+1)*lc.Tokens/c.Size()
	r.x, r.y = make([]float32, (to-from)*h), make([]float32, (to-from)*h)
	for t := from; t < to; t++ {
		own := rand.New(rand.NewPCG(12, uint64(t)))
		row := r.x[(t-from)*h : (t-from+1)*h]
		for i := range row {
			row[i] = float32(own.NormFloat64())
		}
		row[0] = 1
		r.tokens = append(r.tokens, int32(t))
	}
	return r, nil
}

func (r *layerRun) planned(plan *capacity.Plan, _ []float32, computed int) {
	r.load, r.ledger = int64(computed), plan.Ledger
}

// once runs the layer from a barrier; a run that gives other bits than the one before
// is an error.
func (r *layerRun) once(keep bool) error {
	if err := r.comm.Barrier(); err != nil {
		return err
	}
	r.clock = phaseClock{}
	if r.inside != nil {
		r.inside.Store(0)
	}
	start := time.Now()
	if err := r.moe.Forward(r.y, r.x, r.w, 0, r.tokens); err != nil {
		return err
	}
	r.clock.stop()
	if r.inside != nil && keep {
		r.waited = append(r.waited, r.inside.Load())
	}
	sum := uint64(0)
	for i, v := range r.y {
		sum += uint64(math.Float32bits(v)) * uint64(2*i+1)
	}
	var fault error
	if keep && sum != r.sum {
		fault = fmt.Errorf("bench: layer: two runs of the same layer differ: sums %x and %x", r.sum, sum)
	}
	r.sum = sum
	if keep {
		r.times = append(r.times, int64(r.clock.since.Sub(start)))
		r.phases = append(r.phases, r.clock.spent[:]...)
	}
	return collective.Agree(r.comm, fault)
}

func (r *layerRun) result(name string) (LayerResult, error) {
	for _, v := range [][]int64{r.times, r.phases} {
		if err := collective.AllReduce(r.comm, collective.Max, v); err != nil {
			return LayerResult{}, err
		}
	}
	load := []int64{r.load}
	if err := collective.AllReduce(r.comm, collective.Max, load); err != nil {
		return LayerResult{}, err
	}
	counts := r.ledger.Counts()
	if err := collective.AllReduce(r.comm, collective.Sum, counts); err != nil {
		return LayerResult{}, err
	}
	ledger := capacity.LedgerOf(counts)
	sample, median := sampleOf(r.times)
	out := LayerResult{Name: name, Sample: sample, Phases: map[string]float64{}, Kept: ledger.Kept, GateMassLost: ledger.GateMassLost(), MaxLoad: load[0]}
	for p := layers.Route; p <= layers.Combine; p++ {
		out.Phases[p.String()] = time.Duration(r.phases[median*int(layers.Phases)+int(p)]).Seconds()
	}
	return out, nil
}
