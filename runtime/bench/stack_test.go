package bench

import (
	"math"
	"slices"
	"testing"

	"capmoe/collective"
	"capmoe/layers"
	"capmoe/layers/kernel"
	"capmoe/runtime"
)

var smallStacks = []Shape{
	{Name: "grouped", Hidden: 64, Inner: 32, Experts: 6, TopK: 2, Attention: AttentionShape{Heads: 4, KVHeads: 2, HeadDim: 16}},
	{Name: "latent, shared", Hidden: 64, Inner: 32, Experts: 6, TopK: 2, Shared: 48, Attention: AttentionShape{Heads: 4, KVHeads: 4, HeadDim: 24, KVRank: 32, Rope: 8, Value: 16}},
}

// Both benchmarks verify what they time; their numbers make sense on any ranks.
func TestStacks(t *testing.T) {
	for _, shape := range smallStacks {
		for _, ranks := range []int{1, 3} {
			err := collective.Run(ranks, collective.Options{}, func(c collective.Communicator) error {
				p := runtime.Process{Comm: c, Hosts: slices.Repeat([]string{"host"}, ranks), Threads: 1, Turns: 10}
				sc := StackCase{Shape: shape, Layers: 2, DType: kernel.BF16, Repeats: 2}
				prefill, err := Prefill(p, sc, []int{1, 200}, counted(t, 5))
				if err != nil {
					return err
				}
				decode, err := Decode(p, sc, DecodeCase{Batches: []int{1, 4}, Context: 70}, counted(t, 5))
				if err != nil || c.Rank() > 0 {
					return err
				}
				for _, r := range prefill.Results {
					if r.TokensPerSecond <= 0 || r.Peak <= 0 || r.OfPeak <= 0 || r.Floor <= 0 || r.Seconds["attention"] <= 0 {
						t.Errorf("%s on %d ranks: prefill %+v", shape.Name, ranks, r)
					}
				}
				for _, r := range decode.Results {
					if r.TokensPerSecond <= 0 || r.Bytes <= 0 || r.Reads <= 0 || r.OfReads <= 0 || r.Seconds["expert"] <= 0 {
						t.Errorf("%s on %d ranks: decode %+v", shape.Name, ranks, r)
					}
					if reading := float64(r.Bytes) / r.Reads; r.Floor.Seconds()+1e-9 < reading {
						t.Errorf("%s on %d ranks: floor %v, reading %d bytes takes %g s", shape.Name, ranks, r.Floor, r.Bytes, reading)
					}
				}
				return nil
			})
			if err != nil {
				t.Errorf("%s on %d ranks: %v", shape.Name, ranks, err)
			}
		}
	}
}

// A product of few rows takes as long as its weights, one of many as long as its operations; a step is the sum, a mean over steps.
func TestDecodeFloor(t *testing.T) {
	shape := smallStacks[0]
	s := &stack{StackCase: StackCase{Shape: shape, Layers: 2, DType: kernel.BF16}, ledger: make([]int64, 2*shape.Experts)}
	s.pool = layers.NewCachePool(shape.config(2), kernel.BF16)
	w := decodeWork{stack: s, rows: 8, experts: make([]int, 9), denseReads: 3}
	s.ledger[0], s.ledger[1] = 1, 8
	w.add(9)
	clear(s.ledger)
	s.ledger[2], s.ledger[3] = 8, 8
	w.add(11)
	const reads = 1e9
	const peak = 4 * reads // as many operations as weights take to be read: 4 rows
	expert, dense, cache := float64(2*shape.weights())/reads, float64(2*2*shape.dense())/reads, float64(8*10*s.pool.TokenBytes())/reads
	want := (1+2+2+2)*expert/2 + 3*dense + cache
	if got := w.floor(peak, reads).Seconds(); math.Abs(got-want) > 1e-8 {
		t.Errorf("floor %g s, want %g", got, want)
	}
	if got, want := w.bytes(), 2*(2*shape.weights()+3*2*shape.dense())+8*10*s.pool.TokenBytes(); got != want {
		t.Errorf("%d bytes, want %d", got, want)
	}
	w.denseReads = 1 // computing takes longer
	if got, want := w.floor(peak, reads).Seconds(), want-dense; math.Abs(got-want) > 1e-8 {
		t.Errorf("floor %g s with dense matrices read once, want %g", got, want)
	}
}

// The operations that are counted are those of the made model's matrices.
func TestDenseCountsTheWeights(t *testing.T) {
	lib, err := kernel.New(kernel.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, shape := range smallStacks {
		w, err := makeWeights(lib, shape, shape.config(1), nil)
		if err != nil {
			t.Fatal(err)
		}
		b, sum := w.Blocks[0], 0
		all := []kernel.Matrix{b.Attention.QKV, b.Attention.Out, b.Latent.Q, b.Latent.KVDown, b.Latent.KVUp, b.Latent.Out}
		if b.Shared != nil {
			all = append(all, b.Shared.GateUp, b.Shared.Down)
		}
		for _, m := range all {
			if m != nil {
				n, k := m.Dims()
				sum += n * k
			}
		}
		if sum != shape.dense() {
			t.Errorf("%s: %d weights, counted %d", shape.Name, sum, shape.dense())
		}
		w.Free()
	}
}
