package kernel

import "testing"

// BenchmarkAttention times the two products of one head's block of 64 queries with 1024 keys of 128 elements.
func BenchmarkAttention(b *testing.B) {
	lib, err := New(Options{})
	if err != nil {
		b.Fatal(err)
	}
	benchmarkAttention(b, lib)
}

func benchmarkAttention(b *testing.B, lib Library) {
	const queries, keys, dim, stride = 64, 1024, 128, 3 * 2048
	x, scores, mix := random(1, keys*stride, 1), random(2, queries*keys, 1), make([]float32, queries*2048)
	for _, g := range []struct {
		name string
		Gemm
	}{
		{"scores", Gemm{TransB: true, M: queries, N: keys, K: dim, Alpha: 0.1, A: x, LDA: stride, B: x[2048:], LDB: stride, C: scores, LDC: keys}},
		{"mix", Gemm{M: queries, N: dim, K: keys, Alpha: 1, A: scores, LDA: keys, B: x[4096:], LDB: stride, C: mix, LDC: 2048}},
	} {
		b.Run(g.name, func(b *testing.B) {
			for b.Loop() {
				lib.Gemm(g.Gemm)
			}
			b.ReportMetric(2*queries*keys*dim*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "GFLOP/s")
		})
	}
}

// BenchmarkPack packs the gate and up half of an expert of OLMoE.
func BenchmarkPack(b *testing.B) {
	const n, k = 2048, 2048
	w := random(1, n*k, 1)
	for _, dtype := range []DType{F32, BF16} {
		b.Run(dtype.String(), func(b *testing.B) {
			lib, err := New(Options{DType: dtype})
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(4 * n * k)
			for b.Loop() {
				pack(b, lib, w, shape{n, k}).Free()
			}
		})
	}
}
