//go:build cgo && !noonednn

package kernel

/*
#include "tiles.h"
*/
import "C"

// Gemm implements Library. oneDNN's own product has other bits for a row among other rows, and is not used.
func (lib *oneDNN) Gemm(g Gemm) {
	if lib.lanes == 0 {
		lib.portable.Gemm(g)
		return
	}
	if !g.prepare() {
		return
	}
	sizes := C.kernel_gemm_sizes{trans_b: flag(g.TransB), accumulate: flag(g.Accumulate), lanes: C.int(lib.lanes),
		m: C.int64_t(g.M), n: C.int64_t(g.N), k: C.int64_t(g.K),
		lda: C.int64_t(g.LDA), ldb: C.int64_t(g.LDB), ldc: C.int64_t(g.LDC), alpha: C.float(g.Alpha)}
	C.kernel_gemm(&sizes, floats(g.C), floats(g.A), floats(g.B))
}

// gemmLanes are the most lanes of vectors that the CPU has for Gemm's own kernel, or 0.
func gemmLanes() int {
	for _, lanes := range []int{16, 8} {
		if C.kernel_gemm_usable(C.int(lanes)) != 0 {
			return lanes
		}
	}
	return 0
}

// Each implements Library.
func (lib *oneDNN) Each(n int, do func(worker, i int)) {
	lib.team.each(n, do)
}

// Threads implements Library.
func (lib *oneDNN) Threads() int {
	return lib.team.size
}
