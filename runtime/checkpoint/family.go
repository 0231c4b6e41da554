package checkpoint

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"capmoe/layers"
)

// Family is a model family: how its config.json and its tensor names differ. Each has
// a file of its own.
type Family struct {
	ModelType string // config.json's model_type
	config    func(f *fields) layers.Config
	names     names
}

// families by model_type.
var families = map[string]*Family{
	olmoe.ModelType: &olmoe,
}

func familyNames() string {
	return strings.Join(slices.Sorted(maps.Keys(families)), ", ")
}

// names are the tensors of a checkpoint; L stands for the layer, E for the expert.
type names struct {
	embedding, norm, head           string
	attentionNorm, q, k, v, o       string
	qNorm, kNorm                    string
	moeNorm, router, gate, up, down string
}

// llamaNames are the names that most families share.
var llamaNames = names{
	embedding:     "model.embed_tokens.weight",
	norm:          "model.norm.weight",
	head:          "lm_head.weight",
	attentionNorm: "model.layers.L.input_layernorm.weight",
	q:             "model.layers.L.self_attn.q_proj.weight",
	k:             "model.layers.L.self_attn.k_proj.weight",
	v:             "model.layers.L.self_attn.v_proj.weight",
	o:             "model.layers.L.self_attn.o_proj.weight",
	qNorm:         "model.layers.L.self_attn.q_norm.weight",
	kNorm:         "model.layers.L.self_attn.k_norm.weight",
	moeNorm:       "model.layers.L.post_attention_layernorm.weight",
	router:        "model.layers.L.mlp.gate.weight",
	gate:          "model.layers.L.mlp.experts.E.gate_proj.weight",
	up:            "model.layers.L.mlp.experts.E.up_proj.weight",
	down:          "model.layers.L.mlp.experts.E.down_proj.weight",
}

// in fills the layer into a name.
func in(layer int, name string) string {
	return strings.Replace(name, ".L.", "."+strconv.Itoa(layer)+".", 1)
}

// of fills layer and expert into a name.
func of(layer, expert int, name string) string {
	return strings.Replace(in(layer, name), ".E.", "."+strconv.Itoa(expert)+".", 1)
}
