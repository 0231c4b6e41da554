package checkpoint

import "capmoe/layers"

// mixtral is Mixtral (Jiang et al. 2024): the probabilities of the chosen experts are
// divided by their sum. Its perceptrons are called w1 (gate), w3 (up) and w2 (down).
var mixtral = Family{
	ModelType: "mixtral",
	names: llamaNames.with(func(n *names) {
		n.router = "model.layers.L.block_sparse_moe.gate.weight"
		n.gate = "model.layers.L.block_sparse_moe.experts.E.w1.weight"
		n.up = "model.layers.L.block_sparse_moe.experts.E.w3.weight"
		n.down = "model.layers.L.block_sparse_moe.experts.E.w2.weight"
	}),
	config: func(f *fields) layers.Config {
		f.assume("rope_theta", "1e6")
		f.assume("num_key_value_heads", "8")
		c := common(f)
		c.Attention = grouped(f, c.Hidden)
		c.Attention.Window.Size = window(f, c.MaxPositions)
		c.MoE = mixture(f, "num_local_experts", "intermediate_size")
		c.MoE.Weighting.Normalize = true
		return c
	},
}
