package layers

import "capmoe/layers/kernel"

// Weights are one rank's read-only parameters: everything but the experts whole, and
// the experts it owns.
type Weights struct {
	Embedding Embedding // [V, H]
	Blocks    []BlockWeights
	Norm      []float32     // [H]
	Head      kernel.Matrix // [V, H]
}

// BlockWeights are the parameters of one layer.
type BlockWeights struct {
	AttentionNorm []float32 // [H]
	Attention     AttentionWeights
	Latent        LatentWeights // instead of Attention where keys and values are latent
	MoENorm       []float32     // [H] before the mixture, or the dense layer's perceptron

	Router     kernel.Matrix   // [E, H]
	RouterBias []float32       // [E] or nil
	ChoiceBias []float32       // [E] or nil
	Experts    []ExpertWeights // those owned, in rising order of expert id
	Shared     *ExpertWeights  // nil: none
	SharedGate kernel.Matrix   // [1, H]; nil: the shared expert counts whole
	Dense      *ExpertWeights  // of a dense layer, which has none of the six above
}

// AttentionWeights are the projections of one attention.
type AttentionWeights struct {
	QKV     kernel.Matrix // [Queries + 2·Values, H]
	Out     kernel.Matrix // [H, Queries]
	QNorm   []float32     // [Queries] or [HeadDim], as QKNorm says
	KNorm   []float32     // [Values] or [HeadDim]
	Bias    []float32     // [Queries + 2·Values] or nil
	OutBias []float32     // [H] or nil
	Sinks   []float32     // [Heads] or nil
}

// LatentWeights are the projections of one latent attention. The Rope elements of
// queries and keys are in half-split order.
type LatentWeights struct {
	QDown  kernel.Matrix // [QueryRank, H]; nil without a latent query
	QNorm  []float32     // [QueryRank]
	Q      kernel.Matrix // [Queries, QueryRank], or [Queries, H] without a latent query
	KVDown kernel.Matrix // [KVRank + Rope, H]
	KVNorm []float32     // [KVRank]
	KVUp   kernel.Matrix // [Heads·(Nope + Value), KVRank]
	Out    kernel.Matrix // [H, Heads·Value]
}

// ExpertWeights are one gated perceptron: Down·act(Gate·x, Up·x). An expert, the
// shared one, and a dense layer's are of this kind.
type ExpertWeights struct {
	GateUp     kernel.Matrix // [2F, H], the F rows of Gate first
	Down       kernel.Matrix // [H, F]
	GateUpBias []float32     // [2F] or nil
	DownBias   []float32     // [H] or nil
}

// Free gives the packed matrices back. The weights are of no use afterwards.
func (w *Weights) Free() {
	free(w.Head)
	for i := range w.Blocks {
		b := &w.Blocks[i]
		free(b.Attention.QKV, b.Attention.Out, b.Latent.QDown, b.Latent.Q, b.Latent.KVDown, b.Latent.KVUp, b.Latent.Out, b.Router, b.SharedGate)
		for _, x := range append(b.Experts, gatedOf(b.Shared, b.Dense)...) {
			free(x.GateUp, x.Down)
		}
	}
}

func gatedOf(some ...*ExpertWeights) (there []ExpertWeights) {
	for _, x := range some {
		if x != nil {
			there = append(there, *x)
		}
	}
	return there
}

func free(matrices ...kernel.Matrix) {
	for _, m := range matrices {
		if m != nil {
			m.Free()
		}
	}
}
