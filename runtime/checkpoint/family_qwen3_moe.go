package checkpoint

import "capmoe/layers"

// qwen3MoE is Qwen3-MoE (arXiv 2505.09388): queries and keys are normalised by head,
// and heads have a width of their own.
var qwen3MoE = Family{
	ModelType: "qwen3_moe",
	names:     llamaNames,
	config: func(f *fields) layers.Config {
		f.assume("num_key_value_heads", "4")
		c := common(f)
		c.Attention = grouped(f, c.Hidden)
		c.Attention.QKNorm = layers.HeadQKNorm
		noWindow(f)
		c.MoE = mixture(f, "num_experts", "moe_intermediate_size")
		c.MoE.Weighting.Normalize = f.boolOr("norm_topk_prob", false)
		c.Dense = denseInQwen(f, c.Layers)
		return c
	},
}
