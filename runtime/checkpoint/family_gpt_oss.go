package checkpoint

import "capmoe/layers"

// gptOSS is gpt-oss (arXiv 2508.10925): every second layer sees a window only, every
// head may look at nothing, all products have biases, weights are a softmax over the
// chosen experts (which is one over all, divided by the sum of the chosen), and
// perceptrons are clipped. Experts are stored together, in MXFP4 as released.
var gptOSS = Family{
	ModelType: "gpt_oss",
	names: llamaNames.with(func(n *names) {
		n.sinks = "model.layers.L.self_attn.sinks"
		n.router = "model.layers.L.mlp.router.weight"
	}),
	together: true,
	config: func(f *fields) layers.Config {
		f.assume("attention_bias", "true")
		f.assume("num_key_value_heads", "8")
		f.assume("head_dim", "64")
		f.assume("sliding_window", "128")
		assumeYarn(f)
		c := common(f)
		c.Attention = grouped(f, c.Hidden)
		c.Attention.Sinks = true
		c.Attention.Window = layers.WindowConfig{Size: f.size("sliding_window"), Except: fullLayers(f, c.Layers)}
		c.MoE = mixture(f, "num_local_experts", "intermediate_size")
		c.MoE.Bias, c.MoE.Router.Bias = true, true
		c.MoE.Activation = layers.Activation{Limit: float32(f.positiveOr("swiglu_limit", 7)), Alpha: 1.702}
		c.MoE.Weighting.Normalize = true
		return c
	},
}

// assumeYarn gives a config without a stretch of rotary embedding that of gpt-oss. A null or empty one is none for transformers 4, and gpt-oss's
// for 5: it is refused.
func assumeYarn(f *fields) {
	f.assume("rope_theta", "150000")
	if f.has("rope_parameters") {
		return
	}
	f.assume("rope_scaling", `{"rope_type": "yarn", "factor": 32, "beta_fast": 32, "beta_slow": 1, "truncate": false, "original_max_position_embeddings": 4096}`)
	if s := f.object("rope_scaling"); len(s.raw) == 0 {
		f.refuse("rope_scaling", "is %s, want its numbers, or {\"rope_type\": \"default\"}", f.raw["rope_scaling"])
	}
}

// fullLayers reads which layers see all tokens: every second one, unless layer_types
// says it of each.
func fullLayers(f *fields, depth int) []int {
	var full []int
	if !f.has("layer_types") {
		for l := 1; l < depth; l += 2 {
			full = append(full, l)
		}
		return full
	}
	var types []string
	if f.read("layer_types", &types) && len(types) != depth && f.sound("num_hidden_layers") {
		f.refuse("layer_types", "has %d entries, \"num_hidden_layers\" is %d", len(types), depth)
	}
	for l, t := range types {
		switch t {
		case "full_attention":
			full = append(full, l)
		case "sliding_attention":
		default:
			f.refuse("layer_types", "has %q for layer %d, want full_attention or sliding_attention", t, l)
		}
	}
	return full
}
