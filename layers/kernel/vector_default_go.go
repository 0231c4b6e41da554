//go:build noonednn || !cgo

package kernel

import "math"

func softmaxRows(x []float32, width int, more float32)  { softmaxPortable(x, width, more) }
func gateRows(dst, gateUp []float32, inner int, g Gate) { gatePortable(dst, gateUp, inner, g) }
func normRows(dst, x, w []float32, eps float32)         { normPortable(dst, x, w, eps) }

func rotateHeads(heads, cos, sin []float32) { rotatePortable(heads, cos, sin) }

func dots(dst, q []float32, scale float32, x Rows, heads Heads) {
	dotsPortable(dst, q, scale, x, heads)
}

func weigh(dst, weights []float32, x Rows, heads Heads) { weighPortable(dst, weights, x, heads) }

func weighApart(dst, weights []float32, rows *[MostApart][]float32) {
	weighApartPortable(dst, weights, rows)
}

func roundValues(dst []uint16, x []float32) {
	for i, v := range x {
		dst[i] = uint16(math.Float32bits(RoundBF16(v)) >> 16)
	}
}
