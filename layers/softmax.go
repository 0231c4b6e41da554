package layers

import (
	"math"
	"slices"

	"capmoe/layers/kernel"
)

// softmaxBeside turns x, which is not empty, into its part of the softmax of x and one
// more value, in place. A value of -Inf takes no part.
func softmaxBeside(x []float32, more float32) { kernel.Softmax(x, len(x), more) }

// exactSoftmax turns x into its softmax, in place, with exponentials rounded from
// float64: a choice between close scores should not hang on a fast approximation.
func exactSoftmax(x []float32) {
	top := slices.Max(x)
	var sum float32
	for i, v := range x {
		x[i] = float32(math.Exp(float64(v - top)))
		sum += x[i]
	}
	for i := range x {
		x[i] /= sum
	}
}
