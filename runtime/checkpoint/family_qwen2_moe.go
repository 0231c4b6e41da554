package checkpoint

import "capmoe/layers"

// qwen2MoE is Qwen1.5-MoE and Qwen2-57B-A14B: biases on queries, keys and values, and
// a shared expert weighed by the sigmoid of a product of its own.
var qwen2MoE = Family{
	ModelType: "qwen2_moe",
	names: llamaNames.with(func(n *names) {
		n.sharedGate = "model.layers.L.mlp.shared_expert.gate_proj.weight"
		n.sharedUp = "model.layers.L.mlp.shared_expert.up_proj.weight"
		n.sharedDown = "model.layers.L.mlp.shared_expert.down_proj.weight"
		n.sharedWeight = "model.layers.L.mlp.shared_expert_gate.weight"
	}),
	config: func(f *fields) layers.Config {
		f.assume("num_key_value_heads", "16")
		c := common(f)
		c.Attention = grouped(f, c.Hidden)
		c.Attention.Bias, c.Attention.OutBias = f.boolOr("qkv_bias", true), false
		noWindow(f)
		c.MoE = mixture(f, "num_experts", "moe_intermediate_size")
		c.MoE.Weighting.Normalize = f.boolOr("norm_topk_prob", false)
		c.MoE.Shared = layers.SharedConfig{Inner: f.size("shared_expert_intermediate_size"), Gated: true}
		c.Dense = denseInQwen(f, c.Layers)
		return c
	},
}
