package runtime

import (
	"math"

	"capmoe/layers"
	"capmoe/layers/kernel"
)

// MadeExperts packs experts of made weights, each with its own, in the order of ids.
func MadeExperts(lib kernel.Library, hidden, inner int, ids []int) ([]layers.ExpertWeights, error) {
	buf := make([]float32, 2*inner*hidden)
	var experts []layers.ExpertWeights
	for _, e := range ids {
		var x layers.ExpertWeights
		var err error
		if x.GateUp, err = lib.Pack(MadeWeights(buf, 2*e, hidden), 2*inner, hidden); err != nil {
			return experts, err
		}
		if x.Down, err = lib.Pack(MadeWeights(buf[:inner*hidden], 2*e+1, inner), hidden, inner); err != nil {
			return experts, err
		}
		experts = append(experts, x)
	}
	return experts, nil
}

// MadeWeights fills w with weights whose products with rows of k values of size 1 are of
// size 1: cheap, and other ones for every seed.
func MadeWeights(w []float32, seed, k int) []float32 {
	state := uint32(seed)*2654435761 + 1
	scale := float32(math.Sqrt(12/float64(k))) / (1 << 24)
	for i := range w {
		state ^= state << 13
		state ^= state >> 17
		state ^= state << 5
		w[i] = (float32(state>>8) - 1<<23) * scale
	}
	return w
}
