package checkpoint

import (
	"strconv"
	"strings"
)

// names are the tensors of a checkpoint; L stands for the layer, E for the expert. A
// bias has the name of its weight with .bias at the end.
type names struct {
	embedding, norm, head  string
	attentionNorm, moeNorm string

	q, k, v, o   string // grouped attention
	qNorm, kNorm string
	sinks        string
	qDown, qUp   string // latent attention; q where queries are not latent
	qDownNorm    string
	kvDown, kvUp string
	kvDownNorm   string

	router, choiceBias   string
	gate, up, down       string // one expert
	allGateUp, allDown   string // the experts of a layer together
	sharedGate, sharedUp string // the shared expert's perceptron
	sharedDown           string
	sharedWeight         string // whose sigmoid weighs it
	denseGate, denseUp   string // a dense layer
	denseDown            string
}

// llamaNames are the names that most families share.
var llamaNames = names{
	embedding:     "model.embed_tokens.weight",
	norm:          "model.norm.weight",
	head:          "lm_head.weight",
	attentionNorm: "model.layers.L.input_layernorm.weight",
	moeNorm:       "model.layers.L.post_attention_layernorm.weight",

	q:     "model.layers.L.self_attn.q_proj.weight",
	k:     "model.layers.L.self_attn.k_proj.weight",
	v:     "model.layers.L.self_attn.v_proj.weight",
	o:     "model.layers.L.self_attn.o_proj.weight",
	qNorm: "model.layers.L.self_attn.q_norm.weight",
	kNorm: "model.layers.L.self_attn.k_norm.weight",

	router:    "model.layers.L.mlp.gate.weight",
	gate:      "model.layers.L.mlp.experts.E.gate_proj.weight",
	up:        "model.layers.L.mlp.experts.E.up_proj.weight",
	down:      "model.layers.L.mlp.experts.E.down_proj.weight",
	allGateUp: "model.layers.L.mlp.experts.gate_up_proj",
	allDown:   "model.layers.L.mlp.experts.down_proj",
	denseGate: "model.layers.L.mlp.gate_proj.weight",
	denseUp:   "model.layers.L.mlp.up_proj.weight",
	denseDown: "model.layers.L.mlp.down_proj.weight",
}

// with returns the names as a family changes them.
func (n names) with(change func(n *names)) names {
	change(&n)
	return n
}

// namesIn are the family's names, or those that transformers 5 has in memory, if the store holds a model under them.
func (f *Family) namesIn(s *Store) names {
	if !s.Has(in(0, f.names.router)) && s.Has(in(0, llamaNames.router)) {
		return llamaNames
	}
	return f.names
}

// in fills the layer into a name.
func in(layer int, name string) string {
	return strings.Replace(name, ".L.", "."+strconv.Itoa(layer)+".", 1)
}

// of fills layer and expert into a name.
func of(layer, expert int, name string) string {
	return strings.Replace(in(layer, name), ".E.", "."+strconv.Itoa(expert)+".", 1)
}

// bias is the name of the bias beside a weight.
func bias(weight string) string { return strings.TrimSuffix(weight, ".weight") + ".bias" }
