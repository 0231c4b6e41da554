package checkpoint

import "capmoe/layers"

// deepSeek is deepseek-moe-16b (Dai et al. 2024): ordinary attention, shared experts,
// and a dense first layer.
var deepSeek = Family{
	ModelType: "deepseek",
	names:     llamaNames.with(deepSeekShared),
	config: func(f *fields) layers.Config {
		f.assume("max_position_embeddings", "2048")
		c := common(f)
		c.Attention = grouped(f, c.Hidden)
		f.only("scoring_func", "softmax")
		c.MoE = mixture(f, "n_routed_experts", "moe_intermediate_size")
		c.MoE.Weighting.Normalize = f.boolOr("norm_topk_prob", false) && c.MoE.TopK > 1
		c.MoE.Shared = sharedInDeepSeek(f, c.MoE.Inner)
		c.Dense = denseInDeepSeek(f, c.Layers)
		return c
	},
}

// deepSeekShared names the shared experts as all DeepSeek models do.
func deepSeekShared(n *names) {
	n.sharedGate = "model.layers.L.mlp.shared_experts.gate_proj.weight"
	n.sharedUp = "model.layers.L.mlp.shared_experts.up_proj.weight"
	n.sharedDown = "model.layers.L.mlp.shared_experts.down_proj.weight"
}
