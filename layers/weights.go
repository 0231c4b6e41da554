package layers

import "capmoe/layers/kernel"

// Weights are one rank's read-only parameters: everything but the experts whole, and
// the experts it owns.
type Weights struct {
	Embedding []float32 // [V, H]
	Blocks    []BlockWeights
	Norm      []float32     // [H]
	Head      kernel.Matrix // [V, H]
}

// BlockWeights are the parameters of one layer.
type BlockWeights struct {
	AttentionNorm []float32 // [H]
	Attention     AttentionWeights
	MoENorm       []float32       // [H]
	Router        kernel.Matrix   // [E, H]
	Experts       []ExpertWeights // those owned, in rising order of expert id
}

// AttentionWeights are the projections of one attention.
type AttentionWeights struct {
	QKV   kernel.Matrix // [Queries + 2·Values, H]
	Out   kernel.Matrix // [H, Queries]
	QNorm []float32     // [Queries] or [HeadDim], as QKNorm says
	KNorm []float32     // [Values] or [HeadDim]
	Bias  []float32     // [Queries + 2·Values] or nil
}

// ExpertWeights are one SwiGLU expert: Down·(silu(Gate·x) ⊙ Up·x).
type ExpertWeights struct {
	GateUp kernel.Matrix // [2F, H], the F rows of Gate first
	Down   kernel.Matrix // [H, F]
}
