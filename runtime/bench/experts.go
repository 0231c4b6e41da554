package bench

import (
	"fmt"
	"math"
	"slices"

	"capmoe/collective"
	"capmoe/layers/kernel"
	"capmoe/runtime"
)

// gemmExperts are made experts, and rows that all of them are run on.
type gemmExperts struct {
	gc           GemmCase
	lib          kernel.Library
	gateUp, down []kernel.Matrix // [2F, H] and [H, F] of each expert
	x            []float32       // [rows, H]
	threads      []gemmBuffers
}

// gemmBuffers are what one thread computes.
type gemmBuffers struct {
	mid, act, y []float32 // [rows, 2F], [rows, F] and [rows, H]
}

// newGemmExperts packs n experts. What is packed when a fault ends it is freed with the rest.
func newGemmExperts(lib kernel.Library, gc GemmCase, n int) (*gemmExperts, error) {
	g := &gemmExperts{gc: gc, lib: lib, threads: make([]gemmBuffers, lib.Threads())}
	s := gc.Shape
	w := make([]float32, 2*s.Inner*s.Hidden)
	for e := range n {
		gateUp, err := lib.Pack(g.gateUpWeights(w, e), 2*s.Inner, s.Hidden)
		if err != nil {
			return g, err
		}
		g.gateUp = append(g.gateUp, gateUp)
		down, err := lib.Pack(g.downWeights(w, e), s.Hidden, s.Inner)
		if err != nil {
			return g, err
		}
		g.down = append(g.down, down)
	}
	return g, nil
}

func (g *gemmExperts) free() {
	for _, w := range append(g.gateUp, g.down...) {
		w.Free()
	}
}

func (g *gemmExperts) gateUpWeights(w []float32, expert int) []float32 {
	s := g.gc.Shape
	return runtime.MadeWeights(w[:2*s.Inner*s.Hidden], 2*expert, s.Hidden)
}

func (g *gemmExperts) downWeights(w []float32, expert int) []float32 {
	s := g.gc.Shape
	return runtime.MadeWeights(w[:s.Inner*s.Hidden], 2*expert+1, s.Inner)
}

// measure runs all experts on the same rows, one after the other on each thread, and verifies some of the results.
func (g *gemmExperts) measure(c collective.Communicator, rows, repeats int) (GemmResult, error) {
	s := g.gc.Shape
	g.x = normals(3, rows*s.Hidden)
	for i := range g.threads {
		g.threads[i] = gemmBuffers{make([]float32, rows*2*s.Inner), make([]float32, rows*s.Inner), make([]float32, rows*s.Hidden)}
	}
	one := func(thread, expert int) { g.run(&g.threads[thread], expert, rows) }
	sample, err := measure(c, repeats, func() error {
		g.lib.Each(len(g.gateUp), one)
		return nil
	})
	if err != nil {
		return GemmResult{}, err
	}
	flops := 2 * rows * s.weights() * len(g.gateUp)
	bytes := float64(s.weights() * len(g.gateUp) * g.gc.DType.Bytes())
	return GemmResult{
		Rows: rows, Sample: sample,
		GFlops: gflops(flops, sample.Median), Best: gflops(flops, sample.Min),
		WeightBytes: bytes / sample.Median.Seconds(),
	}, collective.Agree(c, g.verify(rows))
}

// run does what a mixture does with the rows of an expert.
func (g *gemmExperts) run(b *gemmBuffers, expert, rows int) {
	if !kernel.MulJoinedTo(b.y, kernel.Values{F32: g.x}, rows, g.gateUp[expert], kernel.Joined{Down: g.down[expert]}) {
		g.steps(b, expert, rows)
	}
}

func (g *gemmExperts) steps(b *gemmBuffers, expert, rows int) {
	g.gateUp[expert].MulTo(b.mid, kernel.Values{F32: g.x}, rows)
	kernel.GateTo(b.act, b.mid, g.gc.Shape.Inner, kernel.Gate{})
	g.down[expert].MulTo(b.y, kernel.Values{F32: b.act}, rows)
}

// verify compares the last row of the first and the last expert with plain loops: each product by itself, of the same
// operands, so that what one rounds the other does not have to. What was measured has the bits of the products by themselves.
func (g *gemmExperts) verify(rows int) error {
	s := g.gc.Shape
	w := make([]float32, 2*s.Inner*s.Hidden)
	b, last := &g.threads[0], rows-1
	for _, e := range []int{0, len(g.gateUp) - 1} {
		g.run(b, e, rows)
		measured := slices.Clone(b.y)
		g.steps(b, e, rows)
		if !slices.Equal(measured, b.y) {
			return fmt.Errorf("bench: gemm: expert %d, %d rows: its steps by themselves give other results", e, rows)
		}
		if err := g.compare(b.mid[last*2*s.Inner:], g.x[last*s.Hidden:], g.gateUpWeights(w, e)); err != nil {
			return fmt.Errorf("bench: gemm: gate and up of expert %d, %d rows: %w", e, rows, err)
		}
		if err := g.compare(b.y[last*s.Hidden:], b.act[last*s.Inner:], g.downWeights(w, e)); err != nil {
			return fmt.Errorf("bench: gemm: down of expert %d, %d rows: %w", e, rows, err)
		}
	}
	return nil
}

// compare holds one row of a product against kernel.Reference, which has the operands as they were rounded.
func (g *gemmExperts) compare(got, x, w []float32) error {
	n, k := len(got), len(x)
	if g.gc.DType == kernel.BF16 {
		x = roundedBF16(x)
		for i, v := range w {
			w[i] = kernel.RoundBF16(v)
		}
	}
	want := make([]float32, n)
	kernel.Reference(want, x, w, 1, n, k)
	size := 0.0
	for _, v := range want {
		size = max(size, math.Abs(float64(v)))
	}
	for j, v := range want {
		if diff := math.Abs(float64(got[j]) - float64(v)); !(diff <= 1e-4*size) {
			return fmt.Errorf("column %d is %g, want %g", j, got[j], v)
		}
	}
	return nil
}

func roundedBF16(x []float32) []float32 {
	r := make([]float32, len(x))
	for i, v := range x {
		r[i] = kernel.RoundBF16(v)
	}
	return r
}
