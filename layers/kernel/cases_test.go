package kernel

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

const maxBatch = 512

// shape is one weight matrix of the suite, n×k.
type shape struct{ n, k int }

// large shapes are those whose products take a test's time.
func (s shape) large() bool { return s.n*s.k >= 1<<19 }

var smallShapes = []shape{
	{128, 192}, {192, 128}, {256, 192}, {48, 64}, {5, 8}, {13, 8}, {8, 5}, {300, 64}, {33, 17}, {1, 64}, {64, 1}, {1, 1}, {65, 63}, {40, 1301},
}

var allShapes = append([]shape{{4096, 192}, {110, 6000}, {30, 4000}, {60, 2048}, {2048, 1024}, {1024, 2048}}, smallShapes...)

// shapes returns what a test of a library is to cover: all; those of small size and one other where it is slow; or the small ones under
// -short and the race detector's slowness.
func shapes(lib Library) []shape {
	_, slow := lib.(*gonumLibrary)
	switch {
	case testing.Short():
		return smallShapes
	case slow:
		return append([]shape{{1024, 2048}}, smallShapes...)
	}
	return allShapes
}

// batches are the row counts of the suite.
func batches() []int {
	var m []int
	for i := 1; i <= 40; i++ {
		m = append(m, i)
	}
	return append(m, 47, 48, 49, 63, 64, 65, 100, 127, 128, 129, 255, 256, 257, 300, 383, 385, 511, 512)
}

// scale is a range of operands.
type scale struct {
	name string
	of   float32
}

// scales of operands for a shape: the products of two huge ones reach past float32, those of two tiny ones below its normals. Large
// shapes make do with the first.
func scales(s shape) []scale {
	all := []scale{{"normal", 1}, {"tiny", 1e-20}, {"huge", 3e18}}
	if s.large() {
		return all[:1]
	}
	return all
}

// random fills a new slice with values around ±scale and some exact zeros.
func random(seed uint64, n int, scale float32) []float32 {
	rng := rand.New(rand.NewPCG(seed, 1))
	v := make([]float32, n)
	for i := range v {
		if rng.IntN(16) > 0 {
			v[i] = scale * float32(rng.NormFloat64())
		}
	}
	return v
}

func pack(t testing.TB, lib Library, w []float32, s shape) Matrix {
	t.Helper()
	mat, err := lib.Pack(w, s.n, s.k)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(mat.Free)
	return mat
}

// mul returns x·Wᵀ in a new slice of m rows, NaN before the product.
func mul(mat Matrix, x []float32, m int) []float32 {
	n, _ := mat.Dims()
	dst := slices.Repeat([]float32{nan}, m*n)
	mat.MulTo(dst, Values{F32: x}, m)
	return dst
}

var (
	nan = float32(math.NaN())
	inf = float32(math.Inf(1))
)

// firstDifference returns the first index where the bits differ, or -1.
func firstDifference(a, b []float32) int {
	for i := range a {
		if math.Float32bits(a[i]) != math.Float32bits(b[i]) {
			return i
		}
	}
	return -1
}

func isNaN(v float32) bool { return v != v }
