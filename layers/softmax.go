package layers

import "math"

// softmax turns x into its softmax, in place.
func softmax(x []float32) { softmaxBeside(x, float32(math.Inf(-1))) }

// softmaxBeside turns x, which is not empty, into its part of the softmax of x and one
// more value, in place. A value of -Inf takes no part.
func softmaxBeside(x []float32, more float32) {
	top := more
	for _, v := range x {
		top = max(top, v)
	}
	sum := float32(math.Exp(float64(more - top)))
	for i, v := range x {
		x[i] = float32(math.Exp(float64(v - top)))
		sum += x[i]
	}
	for i := range x {
		x[i] /= sum
	}
}
