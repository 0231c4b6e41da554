package checkpoint

import "capmoe/layers"

// grouped reads attention with grouped keys and values.
func grouped(f *fields, hidden int) layers.AttentionConfig {
	a := layers.AttentionConfig{Heads: f.size("num_attention_heads"), Rope: rope(f, false)}
	a.KVHeads = f.sizeOr("num_key_value_heads", a.Heads)
	f.divides("num_attention_heads", a.Heads, "num_key_value_heads", a.KVHeads)
	if f.has("head_dim") {
		a.HeadDim = f.size("head_dim")
		f.even("head_dim", a.HeadDim)
	} else {
		f.divides("hidden_size", hidden, "num_attention_heads", a.Heads)
		a.HeadDim = max(1, hidden/a.Heads)
		if f.sound("hidden_size", "num_attention_heads") {
			f.even("hidden_size / num_attention_heads", a.HeadDim)
		}
	}
	a.Bias = f.boolOr("attention_bias", false)
	a.OutBias = a.Bias
	return a
}

// latent reads multi-head latent attention.
func latent(f *fields) layers.AttentionConfig {
	const eps = 1e-6 // of the inner norms, whatever rms_norm_eps says
	f.not("attention_bias")
	l := layers.LatentConfig{
		QueryRank: f.sizeOr("q_lora_rank", 0), KVRank: f.size("kv_lora_rank"),
		Nope: f.size("qk_nope_head_dim"), Rope: f.size("qk_rope_head_dim"), Value: f.size("v_head_dim"),
		Eps: eps,
	}
	f.even("qk_rope_head_dim", l.Rope)
	heads, r := f.size("num_attention_heads"), rope(f, true)
	l.ScaleFactor = latentScale(f, max(r.Yarn.Factor, r.Linear))
	return layers.AttentionConfig{Heads: heads, KVHeads: heads, HeadDim: l.Nope + l.Rope, Rope: r, Latent: l}
}

// window reads a sliding window over all layers; one that holds every position is none.
func window(f *fields, positions int) int {
	if size := f.sizeOr("sliding_window", positions); size < positions {
		return size
	}
	return 0
}

// noWindow refuses a sliding window, of all layers or of some.
func noWindow(f *fields) {
	f.not("use_sliding_window")
	var types []string
	if f.has("layer_types") {
		f.read("layer_types", &types)
	}
	for l, t := range types {
		if t != "full_attention" {
			f.refuse("layer_types", "has %q for layer %d, want full_attention", t, l)
		}
	}
}
