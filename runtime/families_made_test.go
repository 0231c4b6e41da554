package runtime

import (
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"capmoe/runtime/checkpoint"
)

// with is a config with some fields changed.
func with(base map[string]any, changes map[string]any) map[string]any {
	c := maps.Clone(base)
	maps.Copy(c, changes)
	return c
}

var (
	madeBase = map[string]any{
		"vocab_size": 29, "hidden_size": 24, "num_hidden_layers": 3, "num_attention_heads": 2, "num_key_value_heads": 2,
		"max_position_embeddings": 64, "rms_norm_eps": 1e-5, "rope_theta": 10000.0,
		"intermediate_size": 20, "moe_intermediate_size": 12, "num_experts_per_tok": 3,
	}
	madeDeepSeek = with(madeBase, map[string]any{
		"model_type": "deepseek", "n_routed_experts": 8, "n_shared_experts": 2, "first_k_dense_replace": 1, "moe_layer_freq": 1, "norm_topk_prob": false,
	})
	madeV2 = with(madeDeepSeek, map[string]any{
		"model_type": "deepseek_v2", "kv_lora_rank": 10, "qk_nope_head_dim": 6, "qk_rope_head_dim": 8, "v_head_dim": 7, "q_lora_rank": 14,
		"topk_method": "greedy", "scoring_func": "softmax", "routed_scaling_factor": 3.0,
	})
	madeYarn = map[string]any{"type": "yarn", "factor": 8.0, "original_max_position_embeddings": 16,
		"beta_fast": 2.0, "beta_slow": 0.25, "mscale": 0.8, "mscale_all_dim": 0.5}
	madeV3 = with(madeV2, map[string]any{
		"model_type": "deepseek_v3", "n_routed_experts": 16, "n_group": 4, "topk_group": 2, "topk_method": "noaux_tc", "scoring_func": "sigmoid",
		"norm_topk_prob": true, "routed_scaling_factor": 2.5, "rope_scaling": madeYarn,
	})
)

// Families and switches that no golden covers, against plain loops.
func TestLogitsEqualPlainLoops(t *testing.T) {
	for _, c := range []struct {
		rule   string
		config map[string]any
	}{
		{"deepseek has shared experts and dense first layers", madeDeepSeek},
		{"deepseek divides weights by their sum if it is told to", with(madeDeepSeek, map[string]any{"norm_topk_prob": true})},
		{"rope is stretched by a linear factor", with(madeDeepSeek, map[string]any{"rope_scaling": map[string]any{"type": "linear", "factor": 4.0}})},
		{"every other layer is dense", with(madeDeepSeek, map[string]any{"first_k_dense_replace": 0, "moe_layer_freq": 2})},
		{"queries are latent too", madeV2},
		{"queries are not latent", with(madeV2, map[string]any{"q_lora_rank": nil})},
		{"yarn turns slow elements slower and sharpens the scores", with(madeV2, map[string]any{"rope_scaling": madeYarn})},
		{"a group is as good as its best expert", with(madeV2, map[string]any{"topk_method": "group_limited_greedy", "n_group": 4, "topk_group": 2})},
		{"greedy ignores groups", with(madeV2, map[string]any{"n_group": 4, "topk_group": 2})},
		{"divided weights are not scaled in V2", with(madeV2, map[string]any{"norm_topk_prob": true})},
		{"V3 chooses by biased sigmoids in its best groups", madeV3},
		{"V3 of one group", with(madeV3, map[string]any{"n_group": 1, "topk_group": 1})},
		{"V3 in fp8 with scales", with(madeV3, map[string]any{"quantization_config": map[string]any{"quant_method": "fp8", "weight_block_size": []int{8, 8}}})},
		{"V3 in fp8 of 2 bits of fraction", with(madeV3, map[string]any{"quantization_config": map[string]any{"quant_method": "fp8", "fmt": "e5m2", "weight_block_size": []int{5, 5}}})},
		{"V3 weights that are not divided", with(madeV3, map[string]any{"norm_topk_prob": false})},
		{"Kimi K2 is V3 under another name", with(madeV3, map[string]any{"model_type": "kimi_k2", "n_group": 1, "topk_group": 1})},
		{"a window hides what lies before it", with(madeBase, map[string]any{"model_type": "mixtral", "num_local_experts": 5, "sliding_window": 7})},
		{"a window is not sharp at blocks of queries", with(madeBase, map[string]any{"model_type": "mixtral", "num_local_experts": 5, "sliding_window": 40, "max_position_embeddings": 200})},
	} {
		t.Run(c.rule, func(t *testing.T) {
			m := newMade(t, 5, c.config)
			m.fill()
			sequences := [][]int32{m.text(1), m.text(17), m.text(64)}
			if m.number("max_position_embeddings") > 64 {
				sequences = append(sequences, m.text(150))
			}
			want := make([][]float32, len(sequences))
			for i, seq := range sequences {
				want[i] = m.plainLogits(seq)
			}
			checkOnRanks(t, m.write(), sequences, want, plainReference)
		})
	}
}

// text is n random token ids.
func (m *madeModel) text(n int) []int32 {
	ids := make([]int32, n)
	for i := range ids {
		ids[i] = int32(m.random.IntN(m.number("vocab_size")))
	}
	return ids
}

// The same experts stored together, as transformers 5 lays them out, give the same bits.
func TestFusedExpertsGiveTheSameBits(t *testing.T) {
	m := newMade(t, 6, with(madeDeepSeek, map[string]any{"n_shared_experts": nil}))
	m.fill()
	seq := [][]int32{m.text(20)}
	want := logitsOn(t, m.write(), 1, Routing{}, seq)

	fused := newMade(t, 6, m.config)
	experts, inner, h := m.number("n_routed_experts"), m.number("moe_intermediate_size"), m.number("hidden_size")
	for i, spec := range m.specs {
		if !strings.Contains(spec.Name, ".experts.") {
			fused.raw(spec.Name, spec.DType, m.data[i], spec.Shape...)
		}
	}
	for l := 1; l < m.number("num_hidden_layers"); l++ {
		var gateUp, down []float32
		for e := range experts {
			p := expertName(layerName(l)+"mlp.", e)
			gateUp = append(gateUp, narrow(slices.Concat(m.weights[p+"gate_proj.weight"], m.weights[p+"up_proj.weight"]))...)
			down = append(down, narrow(m.weights[p+"down_proj.weight"])...)
		}
		fused.put(layerName(l)+"mlp.experts.gate_up_proj", gateUp, experts, 2*inner, h)
		fused.put(layerName(l)+"mlp.experts.down_proj", down, experts, h, inner)
	}
	for _, ranks := range familyRanks {
		if err := bitForBit.checkAll(logitsOn(t, fused.write(), ranks, Routing{}, seq), want); err != nil {
			t.Fatalf("P=%d: %v", ranks, err)
		}
	}
}

func narrow(values []float64) []float32 {
	out := make([]float32, len(values))
	for i, v := range values {
		out[i] = float32(v)
	}
	return out
}

// gpt-oss's experts in MXFP4 give the bits of the same values in float32, which the
// checkpoint of third parties proves.
func TestMXFP4ExpertsGiveTheSameBits(t *testing.T) {
	const hidden, inner, experts, depth, vocab = 32, 64, 4, 2, 29
	config := map[string]any{
		"model_type": "gpt_oss", "vocab_size": vocab, "hidden_size": hidden, "num_hidden_layers": depth, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 10,
		"max_position_embeddings": 64, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "intermediate_size": inner, "num_local_experts": experts, "num_experts_per_tok": 2, "sliding_window": 5,
	}
	wide := newMade(t, 8, config)
	packed := newMade(t, 9, with(config, map[string]any{"quantization_config": map[string]any{"quant_method": "mxfp4"}}))
	wide.fillGPTOSS(packed, experts, inner)
	seq := [][]int32{wide.text(20), wide.text(3)}
	want := logitsOn(t, wide.write(), 1, Routing{}, seq)
	for _, ranks := range familyRanks {
		if err := bitForBit.checkAll(logitsOn(t, packed.write(), ranks, Routing{}, seq), want); err != nil {
			t.Fatalf("P=%d: %v", ranks, err)
		}
	}
}

// fillGPTOSS adds gpt-oss's tensors, and to twin the same with experts in MXFP4.
func (m *madeModel) fillGPTOSS(twin *madeModel, experts, inner int) {
	h, q, kv := m.number("hidden_size"), 40, 20
	m.matrix("model.embed_tokens.weight", m.number("vocab_size"), h)
	m.matrix("lm_head.weight", m.number("vocab_size"), h)
	m.vector("model.norm.weight", h, 1)
	for l := range m.number("num_hidden_layers") {
		p := layerName(l)
		m.vector(p+"input_layernorm.weight", h, 1)
		m.vector(p+"post_attention_layernorm.weight", h, 1)
		for _, s := range []struct {
			name    string
			out, in int
		}{{"q_proj", q, h}, {"k_proj", kv, h}, {"v_proj", kv, h}, {"o_proj", h, q}} {
			m.matrix(p+"self_attn."+s.name+".weight", s.out, s.in)
			m.vector(p+"self_attn."+s.name+".bias", s.out, 0)
		}
		m.vector(p+"self_attn.sinks", 4, 0)
		m.matrix(p+"mlp.router.weight", experts, h)
		m.vector(p+"mlp.router.bias", experts, 0)
		m.put(p+"mlp.experts.gate_up_proj_bias", m.normal(experts*2*inner, 0.2), experts, 2*inner)
		m.put(p+"mlp.experts.down_proj_bias", m.normal(experts*h, 0.2), experts, h)
	}
	twin.specs, twin.data = slices.Clone(m.specs), slices.Clone(m.data)
	for l := range m.number("num_hidden_layers") {
		m.microscaled(twin, layerName(l)+"mlp.experts.gate_up_proj", experts, 2*inner, h)
		m.microscaled(twin, layerName(l)+"mlp.experts.down_proj", experts, h, inner)
	}
}

// microscaled adds random experts' matrices [outputs, inputs]: to m in float32, as
// [experts, inputs, outputs], and to twin in MXFP4.
func (m *madeModel) microscaled(twin *madeModel, name string, experts, outputs, inputs int) {
	magnitudes := []float64{0, 0.5, 1, 1.5, 2, 3, 4, 6}
	groups := inputs / 32
	blocks, scales := make([]byte, experts*outputs*inputs/2), make([]byte, experts*outputs*groups)
	values := make([]float32, experts*inputs*outputs)
	for i := range scales {
		scales[i] = byte(127 - 4 + m.random.IntN(3))
	}
	for i := range experts * outputs * inputs {
		e, o, in := i/inputs/outputs, i/inputs%outputs, i%inputs
		code := m.random.IntN(16)
		blocks[i/2] |= byte(code << (4 * (i % 2)))
		v := magnitudes[code%8] * math.Pow(2, float64(scales[(e*outputs+o)*groups+in/32])-127)
		if code > 7 {
			v = -v
		}
		values[(e*inputs+in)*outputs+o] = float32(v)
	}
	m.put(name, values, experts, inputs, outputs)
	twin.raw(name+"_blocks", checkpoint.U8, blocks, experts, outputs, groups, 16)
	twin.raw(name+"_scales", checkpoint.U8, scales, experts, outputs, groups)
}
