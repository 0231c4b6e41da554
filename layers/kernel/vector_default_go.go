//go:build noonednn || !cgo

package kernel

import "math"

func softmaxRows(x []float32, width int, more float32)  { softmaxPortable(x, width, more) }
func gateRows(dst, gateUp []float32, inner int, g Gate) { gatePortable(dst, gateUp, inner, g) }
func normRows(dst, x, w []float32, eps float32)         { normPortable(dst, x, w, eps) }

func dots(dst, q []float32, scale float32, x Values, stride int) {
	dotsPortable(dst, q, scale, x, stride)
}
func weigh(dst, weights []float32, x Values, stride int) { weighPortable(dst, weights, x, stride) }

func roundValues(dst []uint16, x []float32) {
	for i, v := range x {
		dst[i] = uint16(math.Float32bits(RoundBF16(v)) >> 16)
	}
}
