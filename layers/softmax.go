package layers

import (
	"math"

	"capmoe/layers/kernel"
)

// softmax turns every row of x, [n, width], into its softmax, in place.
func softmax(x []float32, width int) { kernel.Softmax(x, width, float32(math.Inf(-1))) }

// softmaxBeside turns x, which is not empty, into its part of the softmax of x and one
// more value, in place. A value of -Inf takes no part.
func softmaxBeside(x []float32, more float32) { kernel.Softmax(x, len(x), more) }
