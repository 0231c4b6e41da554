package checkpoint

import (
	"slices"

	"capmoe/layers"
)

// otherName is what transformers 5 calls the number of experts in some families' files, and older ones in others'.
var otherName = map[string]string{"num_experts": "num_local_experts", "num_local_experts": "num_experts"}

// mixture reads the numbers of a mixture under a family's names.
func mixture(f *fields, experts, inner string) layers.MoEConfig {
	if other := otherName[experts]; !f.has(experts) && f.has(other) {
		experts = other
	}
	m := layers.MoEConfig{Experts: f.size(experts), TopK: f.size("num_experts_per_tok"), Inner: f.size(inner)}
	f.atMost("num_experts_per_tok", m.TopK, experts, m.Experts)
	return m
}

// denseInQwen reads which layers of a Qwen model have no mixture: those listed, and all
// but every so many-th.
func denseInQwen(f *fields, depth int) layers.DenseConfig {
	step := f.sizeOr("decoder_sparse_step", 1)
	var listed []int
	if f.has("mlp_only_layers") {
		f.read("mlp_only_layers", &listed)
	}
	for _, l := range listed {
		if l < 0 || l >= depth {
			f.refuse("mlp_only_layers", "lists layer %d, \"num_hidden_layers\" is %d", l, depth)
		}
	}
	return dense(f, depth, func(l int) bool { return (l+1)%step != 0 || slices.Contains(listed, l) })
}

// denseInDeepSeek reads which layers of a DeepSeek model have no mixture: the first
// ones, and all but every so many-th.
func denseInDeepSeek(f *fields, depth int) layers.DenseConfig {
	first, step := f.countOr("first_k_dense_replace", 0), f.sizeOr("moe_layer_freq", 1)
	return dense(f, depth, func(l int) bool { return l < first || l%step != 0 })
}

// dense lists the dense layers. A model of nothing else is not one for this program.
func dense(f *fields, depth int, isDense func(layer int) bool) layers.DenseConfig {
	var d layers.DenseConfig
	for l := range depth {
		if isDense(l) {
			d.Layers = append(d.Layers, l)
		}
	}
	if f.sound("num_hidden_layers") && len(d.Layers) == depth {
		f.fault("none of the %d layers has a mixture of experts", depth)
	}
	if len(d.Layers) > 0 {
		d.Inner = f.size("intermediate_size")
	}
	return d
}

// groupLimit reads a choice confined to the best groups; a group's score is the sum
// of its so many best experts'.
func groupLimit(f *fields, m layers.MoEConfig, best int) layers.GroupLimit {
	g := layers.GroupLimit{Groups: f.size("n_group"), Best: best}
	g.Keep = f.size("topk_group")
	f.divides("n_routed_experts", m.Experts, "n_group", g.Groups)
	f.atMost("topk_group", g.Keep, "n_group", g.Groups)
	size := m.Experts / g.Groups
	if !g.On() || !f.sound("num_experts_per_tok", "n_routed_experts", "n_group", "topk_group") {
		return g
	}
	if m.TopK > g.Keep*size {
		f.refuse("num_experts_per_tok", "is %d, the %d groups of \"topk_group\" hold %d experts", m.TopK, g.Keep, g.Keep*size)
	}
	if size < best {
		f.refuse("n_group", "makes groups of %d experts, want at least %d", size, best)
	}
	return g
}

// sharedInDeepSeek reads the shared experts, which are one perceptron as wide as all
// of them.
func sharedInDeepSeek(f *fields, inner int) layers.SharedConfig {
	return layers.SharedConfig{Inner: f.countOr("n_shared_experts", 0) * inner}
}
