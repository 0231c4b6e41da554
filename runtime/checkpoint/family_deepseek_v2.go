package checkpoint

import "capmoe/layers"

// deepSeekV2 is DeepSeek-V2 and -V2-Lite (arXiv 2405.04434): latent attention, YaRN,
// shared experts, and a choice that may be confined to the best groups of experts,
// where a group is as good as its best expert. Weights are either divided by their sum
// or multiplied by routed_scaling_factor.
var deepSeekV2 = Family{
	ModelType: "deepseek_v2",
	names:     deepSeekV2Names,
	pairs:     true,
	config: func(f *fields) layers.Config {
		f.assume("max_position_embeddings", "2048")
		f.assume("q_lora_rank", "1536")
		c := common(f)
		c.Attention = latent(f)
		f.only("scoring_func", "softmax")
		c.MoE = mixture(f, "n_routed_experts", "moe_intermediate_size")
		if f.oneOf("topk_method", "greedy", "greedy", "group_limited_greedy") == "group_limited_greedy" {
			c.MoE.Router.Groups = groupLimit(f, c.MoE, 1)
		}
		c.MoE.Weighting.Normalize = f.boolOr("norm_topk_prob", false) && c.MoE.TopK > 1
		if scale := f.positiveOr("routed_scaling_factor", 1); !c.MoE.Weighting.Normalize {
			c.MoE.Weighting.Scale = float32(scale)
		}
		f.there("n_shared_experts") // none for DeepSeek's code, 2 for transformers
		c.MoE.Shared = sharedInDeepSeek(f, c.MoE.Inner)
		c.Dense = denseInDeepSeek(f, c.Layers)
		return c
	},
}

// deepSeekV2Names are the names of DeepSeek's models with latent attention.
var deepSeekV2Names = llamaNames.with(func(n *names) {
	deepSeekShared(n)
	n.qDown = "model.layers.L.self_attn.q_a_proj.weight"
	n.qDownNorm = "model.layers.L.self_attn.q_a_layernorm.weight"
	n.qUp = "model.layers.L.self_attn.q_b_proj.weight"
	n.kvDown = "model.layers.L.self_attn.kv_a_proj_with_mqa.weight"
	n.kvDownNorm = "model.layers.L.self_attn.kv_a_layernorm.weight"
	n.kvUp = "model.layers.L.self_attn.kv_b_proj.weight"
})
