package checkpoint

import "capmoe/layers"

// olmoe is OLMoE (Muennighoff et al. 2024): queries and keys are normalised whole,
// over all heads at once, before they are split.
var olmoe = Family{
	ModelType: "olmoe",
	names:     llamaNames,
	config: func(f *fields) layers.Config {
		c := common(f)
		c.Attention = grouped(f, c.Hidden)
		c.Attention.QKNorm = layers.WholeQKNorm
		c.Attention.Clip = float32(f.positiveOr("clip_qkv", 0))
		c.MoE = mixture(f, "num_experts", "intermediate_size")
		c.MoE.Weighting.Normalize = f.boolOr("norm_topk_prob", false)
		return c
	},
}
