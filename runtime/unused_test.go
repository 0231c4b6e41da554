package runtime

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"capmoe/collective"
)

// Tensors that the model has no use for are refused where they belong to its layers, told where they lie beside it, and passed over where released
// checkpoints are known to hold them.
func TestTensorsWithoutUse(t *testing.T) {
	type set = map[string]any
	const layer1 = "model.layers.1."
	v3 := with(madeV3, set{"num_nextn_predict_layers": 2})
	mixtral := with(madeBase, set{"model_type": "mixtral", "num_local_experts": 5})
	for _, c := range []struct {
		rule   string
		config set
		extra  []string
		fault  string   // of loading
		beside []string // what is told
	}{
		{"nothing", madeV3, nil, "", nil},
		{"the bias of a matrix without", madeDeepSeek, []string{layer1 + "self_attn.q_proj.bias"}, "1 tensor (" + layer1 + "self_attn.q_proj.bias)", nil},
		{"the bias of the output matrix", madeDeepSeek, []string{"lm_head.bias"}, "1 tensor (lm_head.bias)", nil},
		{"norms of queries and keys", mixtral, []string{layer1 + "self_attn.q_norm.weight", layer1 + "self_attn.k_norm.weight"}, "2 tensors (" + layer1 + "self_attn.k_norm.weight, " + layer1 + "self_attn.q_norm.weight)", nil},
		{"biases of a choice", madeV2, []string{layer1 + "mlp.gate.e_score_correction_bias"}, "1 tensor (", nil},
		{"scales of weights that are no fp8", madeDeepSeek, []string{layer1 + "mlp.experts.7.up_proj.weight_scale_inv"}, "experts.7.up_proj.weight_scale_inv", nil},
		{"more experts", madeDeepSeek, []string{layer1 + "mlp.experts.8.up_proj.weight"}, "experts.8.up_proj.weight", nil},
		{"experts of a dense layer", madeDeepSeek, []string{"model.layers.0.mlp.experts.1.up_proj.weight"}, "experts.1.up_proj.weight", nil},
		{"experts stored twice", mixtral, []string{layer1 + "block_sparse_moe.experts.gate_up_proj"}, "experts.gate_up_proj", nil},
		{"many", madeDeepSeek, []string{layer1 + "a", layer1 + "b", layer1 + "c", layer1 + "d"}, "4 tensors (" + layer1 + "a, " + layer1 + "b, " + layer1 + "c, …)", nil},
		{"another module", madeDeepSeek, []string{"vision.weight"}, "", []string{"vision.weight"}},
		{"a layer more", madeDeepSeek, []string{"model.layers.3.mlp.gate.weight"}, "", []string{"model.layers.3.mlp.gate.weight"}},
		{"layers for further tokens", v3, []string{"model.layers.3.eh_proj.weight", "model.layers.4.enorm.weight", "model.layers.5.enorm.weight"}, "", []string{"model.layers.5.enorm.weight"}},
		{"frequencies", madeDeepSeek, []string{layer1 + "self_attn.rotary_emb.inv_freq", "model.rotary_emb.inv_freq"}, "", nil},
	} {
		t.Run(c.rule, func(t *testing.T) {
			m := newMade(t, 11, c.config)
			m.fill()
			for _, name := range c.extra {
				m.put(name, []float32{1}, 1)
			}
			dir := m.write()
			for _, ranks := range []int{1, 3} {
				err := collective.Run(ranks, collective.Options{}, func(comm collective.Communicator) error {
					e, err := Load(Process{Comm: comm, Hosts: slices.Repeat([]string{"host"}, ranks), Threads: 1}, dir, LoadOptions{})
					if err == nil && !slices.Equal(e.Beside(), c.beside) {
						t.Errorf("P=%d: beside the model %q, want %q", ranks, e.Beside(), c.beside)
					}
					return err
				})
				if c.fault == "" && err != nil {
					t.Errorf("P=%d: %v", ranks, err)
				}
				if want := "the model that config.json describes has no use for "; c.fault != "" && !(strings.Contains(fmt.Sprint(err), want) && strings.Contains(fmt.Sprint(err), c.fault)) {
					t.Errorf("P=%d: error %v\nwant %s%s", ranks, err, want, c.fault)
				}
			}
		})
	}
}
