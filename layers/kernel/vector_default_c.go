//go:build cgo && !noonednn

package kernel

/*
#cgo CFLAGS: -O3 -Wno-psabi
#include "bf16.h"
#include "vector.h"
*/
import "C"

func roundValues(dst []uint16, x []float32) {
	C.kernel_bf16_round(halves(dst), floats(x), C.int64_t(len(x)))
}

func softmaxRows(x []float32, width int, more float32) {
	C.kernel_softmax(floats(x), C.int64_t(len(x)/width), C.int64_t(width), C.float(more))
}

func gateRows(dst, gateUp []float32, inner int, g Gate) {
	C.kernel_gate_rows(floats(dst), floats(gateUp), C.int64_t(len(gateUp)/(2*inner)), C.int64_t(inner), gateOf(g))
}

func gateOf(g Gate) C.kernel_gate {
	return C.kernel_gate{limit: C.float(g.Limit), alpha: C.float(g.Alpha)}
}

func normRows(dst, x, w []float32, eps float32) {
	C.kernel_norm(floats(dst), floats(x), floats(w), C.kernel_norm_sizes{rows: C.int64_t(len(x) / len(w)), width: C.int64_t(len(w)), eps: C.float(eps)})
}

func rotateHeads(heads, cos, sin []float32) {
	C.kernel_rotate(floats(heads), C.int64_t(len(heads)/(2*len(cos))), floats(cos), floats(sin), C.int64_t(len(cos)))
}

// rowLanes is the lanes of products and sums of single rows.
var rowLanes = C.kernel_rows_lanes()

func dots(dst, q []float32, scale float32, x Rows, heads Heads) {
	C.kernel_dots(floats(dst), floats(q), C.float(scale), givenOf(x.Values), rowsOf(x), headsOf(heads), rowLanes)
}

func weigh(dst, weights []float32, x Rows, heads Heads) {
	C.kernel_weigh(floats(dst), floats(weights), givenOf(x.Values), rowsOf(x), headsOf(heads), rowLanes)
}

func weighApart(dst, weights []float32, rows *[MostApart][]float32) {
	var apart C.kernel_apart
	for r := range weights {
		apart.row[r] = floats(rows[r])
	}
	C.kernel_weigh_apart(floats(dst), floats(weights), apart, C.int64_t(len(weights)), C.int64_t(len(dst)))
}

func rowsOf(x Rows) C.kernel_rows {
	return C.kernel_rows{n: C.int64_t(x.N), width: C.int64_t(x.Width), stride: C.int64_t(x.Stride)}
}

func headsOf(h Heads) C.kernel_heads {
	return C.kernel_heads{n: C.int64_t(h.N), shared: C.int64_t(h.Shared), width: C.int64_t(h.Width), weights: C.int64_t(h.Weights), rows: C.int64_t(h.Rows)}
}
