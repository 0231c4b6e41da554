//go:build cgo && !noonednn

package kernel

import (
	"fmt"
	"strings"
	"testing"
)

// BenchmarkMul multiplies rows by the gate and up half of experts of OLMoE one after the other, more of them than caches hold, by each kind of
// panels that the CPU has, by oneDNN where its brgemm is used, and by gonum.
func BenchmarkMul(b *testing.B) {
	for kind, name := range panelNames {
		if name != "" && panelsUsable(int32(kind)) {
			dtype := F32
			if strings.HasSuffix(name, "bf16") {
				dtype = BF16
			}
			benchmarkMul(b, mustPanels(b, Options{DType: dtype}, int32(kind)), 16)
		}
	}
	for _, dtype := range []DType{F32, BF16} {
		benchmarkMul(b, mustOneDNN(b, Options{DType: dtype}), 16)
		benchmarkMul(b, newGonum(Options{DType: dtype}), 16)
	}
}

// BenchmarkAttentionNarrow is BenchmarkAttention by vectors of 8.
func BenchmarkAttentionNarrow(b *testing.B) {
	lib := mustOneDNN(b, Options{})
	lib.lanes = 8
	benchmarkAttention(b, lib)
}

func benchmarkMul(b *testing.B, lib Library, experts int) {
	const n, k = 2048, 2048
	var mats []Matrix
	for i := range experts {
		mats = append(mats, pack(b, lib, random(uint64(i), n*k, 1), shape{n, k}))
	}
	for _, m := range []int{1, 8, 32, 128} {
		b.Run(fmt.Sprintf("%s/%d", lib.Name(), m), func(b *testing.B) {
			x, dst, i := random(1, m*k, 1), make([]float32, m*n), 0
			for b.Loop() {
				mats[i%experts].MulTo(dst, Values{F32: x}, m)
				i++
			}
			b.ReportMetric(2*n*k*float64(m)*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "GFLOP/s")
		})
	}
}
