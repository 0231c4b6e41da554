package checkpoint

import "capmoe/layers"

// deepSeekV3 is DeepSeek-V3 and -R1 (arXiv 2412.19437, section 2.1.2): as V2, but
// scores are sigmoids, a bias joins them for choosing only, and a group is as good as
// its two best experts. Weights are divided by their sum, then multiplied by
// routed_scaling_factor. Released weights are fp8 with a scale for each square of 128.
// Layers for predicting further tokens, behind the last, are not read.
var deepSeekV3 = Family{ModelType: "deepseek_v3", names: deepSeekV3Names, pairs: true, config: deepSeekV3Config}

// kimiK2 is Kimi K2 (arXiv 2507.20534), which is built like DeepSeek-V3.
var kimiK2 = Family{ModelType: "kimi_k2", names: deepSeekV3Names, pairs: true, config: deepSeekV3Config}

var deepSeekV3Names = deepSeekV2Names.with(func(n *names) {
	n.choiceBias = "model.layers.L.mlp.gate.e_score_correction_bias"
})

func deepSeekV3Config(f *fields) layers.Config {
	f.assume("max_position_embeddings", "4096")
	f.assume("q_lora_rank", "1536")
	f.assume("first_k_dense_replace", "3")
	f.assume("n_shared_experts", "1")
	f.assume("num_nextn_predict_layers", "1")
	c := common(f)
	c.Attention = latent(f)
	f.only("scoring_func", "sigmoid")
	f.only("topk_method", "noaux_tc")
	c.MoE = mixture(f, "n_routed_experts", "moe_intermediate_size")
	c.MoE.Router = layers.RouterConfig{Score: layers.Sigmoid, ChoiceBias: true, Groups: groupLimit(f, c.MoE, 2)}
	c.MoE.Weighting.Normalize = f.boolOr("norm_topk_prob", true)
	c.MoE.Weighting.Scale = float32(f.positive("routed_scaling_factor"))
	c.MoE.Shared = sharedInDeepSeek(f, c.MoE.Inner)
	c.Dense = denseInDeepSeek(f, c.Layers)
	return c
}
