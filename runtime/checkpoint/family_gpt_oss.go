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
