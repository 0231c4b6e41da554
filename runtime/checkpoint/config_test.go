package checkpoint

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"capmoe/layers"
)

// changed is the text of a config with fields changed; nil takes one out.
func changed(t testing.TB, base string, changes map[string]any) []byte {
	t.Helper()
	var fields map[string]any
	if err := json.Unmarshal([]byte(base), &fields); err != nil {
		t.Fatal(err)
	}
	maps.Copy(fields, changes)
	maps.DeleteFunc(fields, func(_ string, v any) bool { return v == nil })
	text, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

const (
	plainMixtral = `{"model_type": "mixtral", "vocab_size": 300, "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
		"num_key_value_heads": 2, "max_position_embeddings": 4096, "rms_norm_eps": 1e-5, "intermediate_size": 112,
		"num_local_experts": 8, "num_experts_per_tok": 2}`
	plainQwen = `{"model_type": "qwen2_moe", "vocab_size": 310, "hidden_size": 80, "num_hidden_layers": 6, "num_attention_heads": 5, "num_key_value_heads": 5,
		"max_position_embeddings": 8192, "rms_norm_eps": 1e-6, "intermediate_size": 160, "moe_intermediate_size": 40,
		"shared_expert_intermediate_size": 96, "num_experts": 12, "num_experts_per_tok": 4}`
	plainV3 = `{"model_type": "deepseek_v3", "vocab_size": 320, "hidden_size": 64, "num_hidden_layers": 5, "num_attention_heads": 4,
		"max_position_embeddings": 4096, "rms_norm_eps": 1e-6, "intermediate_size": 128, "moe_intermediate_size": 32,
		"n_routed_experts": 16, "num_experts_per_tok": 4, "n_shared_experts": 1, "first_k_dense_replace": 3, "moe_layer_freq": 1,
		"n_group": 4, "topk_group": 2, "topk_method": "noaux_tc", "scoring_func": "sigmoid", "norm_topk_prob": true, "routed_scaling_factor": 2.5,
		"kv_lora_rank": 24, "q_lora_rank": 20, "qk_nope_head_dim": 16, "qk_rope_head_dim": 8, "v_head_dim": 12}`
	plainGPTOSS = `{"model_type": "gpt_oss", "vocab_size": 300, "hidden_size": 64, "num_hidden_layers": 4, "num_attention_heads": 4,
		"num_key_value_heads": 2, "head_dim": 10, "max_position_embeddings": 4096, "rms_norm_eps": 1e-5, "intermediate_size": 64,
		"num_local_experts": 8, "num_experts_per_tok": 2, "sliding_window": 128}`
)

// null is a field that is there and null.
var null = json.RawMessage("null")

func TestConfigFaults(t *testing.T) {
	type set = map[string]any
	for _, c := range []struct {
		rule    string
		base    string
		changes set
		want    string
	}{
		{"the family is known", plainMixtral, set{"model_type": "llama4"}, `field "model_type" is "llama4", want one of deepseek, deepseek_v2, deepseek_v3, gpt_oss, kimi_k2, mixtral, olmoe, qwen2_moe, qwen3_moe`},
		{"the family is named", plainMixtral, set{"model_type": nil}, `field "model_type" is missing`},
		{"sizes are there", plainMixtral, set{"hidden_size": nil}, `field "hidden_size" is missing`},
		{"sizes are positive", plainMixtral, set{"vocab_size": 0}, `field "vocab_size" is 0, want an integer from 1 to 16777216`},
		{"sizes are integers", plainMixtral, set{"num_local_experts": 8.5}, `field "num_local_experts" is 8.5, want an integer from 1 to 16777216`},
		{"sizes are numbers", plainMixtral, set{"intermediate_size": "112"}, `field "intermediate_size" is "112", which is not of the right type`},
		{"sizes are not absurd", plainMixtral, set{"intermediate_size": 1 << 30}, `field "intermediate_size" is 1073741824, want an integer from 1 to 16777216`},
		{"sizes are not absurd together", plainMixtral, set{"intermediate_size": 1 << 24, "hidden_size": 1 << 24}, `the sizes make a model of 1.52e+16 parameters, want at most 1.13e+15`},
		{"no more experts are chosen than there are", plainMixtral, set{"num_experts_per_tok": 9}, `field "num_experts_per_tok" is 9, more than "num_local_experts" 8`},
		{"heads share keys evenly", plainMixtral, set{"num_key_value_heads": 3}, `field "num_attention_heads" is 4, which does not divide by "num_key_value_heads" 3`},
		{"heads share the hidden size evenly", plainMixtral, set{"num_attention_heads": 6}, `field "hidden_size" is 64, which does not divide by "num_attention_heads" 6`},
		{"heads have pairs to turn", plainMixtral, set{"head_dim": 15}, `field "head_dim" is 15, want an even number: rotary embedding turns pairs`},
		{"the activation is silu", plainMixtral, set{"hidden_act": "gelu"}, `field "hidden_act" is "gelu", supported: silu`},
		{"eps is positive", plainMixtral, set{"rms_norm_eps": -1}, `field "rms_norm_eps" is -1, want a positive number`},
		{"rope is stretched in known ways", plainMixtral, set{"rope_scaling": set{"rope_type": "llama3", "factor": 8}}, `field "rope_scaling.rope_type" is "llama3", supported: default, linear, yarn`},
		{"rope is stretched in known ways, by the older name", plainMixtral, set{"rope_scaling": set{"type": "dynamic", "factor": 8}}, `field "rope_scaling.type" is "dynamic", supported: default, linear, yarn`},
		{"rope is stretched in known ways, in the newer object", plainMixtral, set{"rope_parameters": set{"rope_type": "longrope"}}, `field "rope_parameters.rope_type" is "longrope", supported: default, linear, yarn`},
		{"rope is described once", plainMixtral, set{"rope_scaling": set{"type": "linear", "factor": 2}, "rope_parameters": set{"rope_theta": 1e6}}, `field "rope_scaling" is there beside "rope_parameters", want one of them`},
		{"rope has a theta", plainMixtral, set{"rope_theta": null}, `field "rope_theta" is missing`},
		{"gpt-oss says that nothing is stretched", plainGPTOSS, set{"rope_scaling": null}, `field "rope_scaling" is null, want its numbers, or {"rope_type": "default"}`},
		{"gpt-oss says how rope is stretched", plainGPTOSS, set{"rope_scaling": set{}}, `field "rope_scaling" is {}, want its numbers, or {"rope_type": "default"}`},
		{"gpt-oss has a window", plainGPTOSS, set{"sliding_window": null}, `field "sliding_window" is missing`},
		{"V2 says how many experts are shared", plainV3, set{"model_type": "deepseek_v2", "scoring_func": nil, "topk_method": nil, "n_shared_experts": nil}, `field "n_shared_experts" is missing, want a value or null`},
		{"a linear stretch has a factor", plainMixtral, set{"rope_scaling": set{"type": "linear"}}, `field "rope_scaling.factor" is missing`},
		{"yarn has a factor", plainV3, set{"rope_scaling": set{"type": "yarn", "mscale_all_dim": 1}}, `field "rope_scaling.factor" is missing`},
		{"yarn's ramp falls", plainV3, set{"rope_scaling": set{"type": "yarn", "factor": 4, "beta_fast": 1, "beta_slow": 2}}, `field "rope_scaling.beta_fast" is 1, less than "rope_scaling.beta_slow" 2`},
		{"rope turns whole heads", plainMixtral, set{"partial_rotary_factor": 0.25}, `field "partial_rotary_factor" is 0.25, only 1 is supported`},
		{"rope turns whole heads, in the newer object", plainMixtral, set{"rope_parameters": set{"partial_rotary_factor": 0.5}}, `field "rope_parameters.partial_rotary_factor" is 0.5, only 1 is supported`},
		{"rope is the same in all layers", plainGPTOSS, set{"rope_parameters": set{"full_attention": set{"rope_theta": 1e6}, "sliding_attention": set{"rope_theta": 1e4}}}, `field "rope_parameters.full_attention" is {"rope_theta":1000000}, want one rotary embedding for all layers` + "\n" +
			`checkpoint: config.json: field "rope_parameters.sliding_attention" is {"rope_theta":10000}, want one rotary embedding for all layers`},
		{"rope was trained on one number of positions", plainV3, set{"original_max_position_embeddings": 2048, "rope_scaling": set{"type": "yarn", "factor": 4}}, `field "original_max_position_embeddings" is 2048, yarn stretches from 4096 positions, want one number`},
		{"Qwen has no window", plainQwen, set{"use_sliding_window": true}, `field "use_sliding_window" is true, which is not supported`},
		{"Qwen has no window in any layer", plainQwen, set{"layer_types": []string{"full_attention", "sliding_attention", "full_attention", "full_attention", "full_attention", "full_attention"}}, `field "layer_types" has "sliding_attention" for layer 1, want full_attention`},
		{"listed layers exist", plainQwen, set{"mlp_only_layers": []int{6}}, `field "mlp_only_layers" lists layer 6, "num_hidden_layers" is 6`},
		{"some layer has experts", plainQwen, set{"decoder_sparse_step": 7}, `none of the 6 layers has a mixture of experts`},
		{"dense layers have a width", plainQwen, set{"mlp_only_layers": []int{0}, "intermediate_size": nil}, `field "intermediate_size" is missing`},
		{"groups are equal", plainV3, set{"n_group": 3}, `field "n_routed_experts" is 16, which does not divide by "n_group" 3`},
		{"no more groups are kept than there are", plainV3, set{"topk_group": 5}, `field "topk_group" is 5, more than "n_group" 4`},
		{"kept groups hold enough experts", plainV3, set{"topk_group": 1, "num_experts_per_tok": 5}, `field "num_experts_per_tok" is 5, the 1 groups of "topk_group" hold 4 experts`},
		{"a group is as good as two experts", plainV3, set{"n_group": 16, "topk_group": 8}, `field "n_group" makes groups of 1 experts, want at least 2`},
		{"V3 scores by sigmoid", plainV3, set{"scoring_func": "softmax"}, `field "scoring_func" is "softmax", supported: sigmoid`},
		{"V3 balances without a loss", plainV3, set{"topk_method": "greedy"}, `field "topk_method" is "greedy", supported: noaux_tc`},
		{"latent keys have pairs to turn", plainV3, set{"qk_rope_head_dim": 7}, `field "qk_rope_head_dim" is 7, want an even number: rotary embedding turns pairs`},
		{"latent attention has no biases", plainV3, set{"attention_bias": true}, `field "attention_bias" is true, which is not supported`},
		{"weights are not quantised in unknown ways", plainV3, set{"quantization_config": set{"quant_method": "gptq"}}, `field "quantization_config.quant_method" is "gptq", supported: fp8`},
		{"nor under other names", plainMixtral, set{"quantization": set{"bits": 4, "group_size": 64}}, `field "quantization" is {"bits":4,"group_size":64}, which is not supported`},
		{"nor under older ones", plainMixtral, set{"compression_config": set{"format": "pack-quantized"}}, `field "compression_config" is {"format":"pack-quantized"}, which is not supported`},
		{"MXFP4 is gpt-oss's", plainV3, set{"quantization_config": set{"quant_method": "mxfp4"}}, `field "quantization_config.quant_method" is "mxfp4", supported: fp8`},
		{"gpt-oss is in MXFP4", plainGPTOSS, set{"quantization_config": set{"quant_method": "fp8", "weight_block_size": []int{128, 128}}}, `field "quantization_config.quant_method" is "fp8", supported: mxfp4`},
		{"fp8 has scales for blocks", plainV3, set{"quantization_config": set{"quant_method": "fp8"}}, `field "quantization_config.weight_block_size" is missing`},
		{"fp8 has scales for squares", plainV3, set{"quantization_config": set{"quant_method": "fp8", "weight_block_size": []int{1, 128}}}, `field "quantization_config.weight_block_size" is [1 128], want two equal sizes`},
		{"every layer has a type", plainGPTOSS, set{"layer_types": []string{"full_attention"}}, `field "layer_types" has 1 entries, "num_hidden_layers" is 4`},
		{"types of layers are known", plainGPTOSS, set{"layer_types": []string{"full_attention", "sliding_attention", "linear_attention", "full_attention"}}, `field "layer_types" has "linear_attention" for layer 2, want full_attention or sliding_attention`},
	} {
		t.Run(c.rule, func(t *testing.T) {
			_, err := ParseConfig("config.json", changed(t, c.base, c.changes))
			if want := "checkpoint: config.json: " + c.want; fmt.Sprint(err) != want {
				t.Errorf("error\n got %v\nwant %s", err, want)
			}
		})
	}
}

// A file that was written twice over, or not to its end, is no config.
func TestConfigIsOneObject(t *testing.T) {
	for text, want := range map[string]string{
		"":                                "unexpected end of JSON input",
		plainMixtral[:40]:                 "unexpected end of JSON input",
		plainMixtral + `{"head_dim": 32}`: "invalid character '{' after top-level value",
		"[1]":                             "cannot unmarshal array",
	} {
		if _, err := ParseConfig("config.json", []byte(text)); err == nil || !strings.Contains(err.Error(), "config.json: not a JSON object: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%.50q: %v, want %s", text, err, want)
		}
	}
}

func TestAllFaultsAreReported(t *testing.T) {
	_, err := ParseConfig("config.json", changed(t, plainMixtral, map[string]any{"hidden_size": nil, "vocab_size": -1, "num_experts_per_tok": 99}))
	want := []string{`field "vocab_size" is -1`, `field "hidden_size" is missing`, `field "num_experts_per_tok" is 99, more than "num_local_experts" 8`}
	for _, fact := range want {
		if !strings.Contains(fmt.Sprint(err), fact) {
			t.Errorf("%v\nlacks %s", err, fact)
		}
	}
}

func TestConfigSwitches(t *testing.T) {
	type set = map[string]any
	yarn := set{"type": "yarn", "factor": 40, "original_max_position_embeddings": 4096, "mscale": 0.707, "mscale_all_dim": 0.707}
	for _, c := range []struct {
		rule    string
		base    string
		changes set
		got     func(layers.Config) any
		want    any
	}{
		{"no window is none", plainMixtral, nil, func(m layers.Config) any { return m.Attention.Window.At(0) }, 0},
		{"a window of all positions is none", plainMixtral, set{"sliding_window": 4096}, func(m layers.Config) any { return m.Attention.Window.At(0) }, 0},
		{"a shorter window is one", plainMixtral, set{"sliding_window": 4095}, func(m layers.Config) any { return m.Attention.Window.At(1) }, 4095},
		{"rope_parameters hold rope_theta", plainMixtral, set{"rope_theta": nil, "rope_parameters": set{"rope_theta": 5e5}}, func(m layers.Config) any { return m.Attention.Rope.Theta }, 5e5},
		{"rope_scaling may hold rope_theta", plainMixtral, set{"rope_theta": 1, "rope_scaling": set{"rope_type": "default", "rope_theta": 5e5}}, func(m layers.Config) any { return m.Attention.Rope.Theta }, 5e5},
		{"yarn scales cos and sin by its factor", plainGPTOSS, set{"rope_scaling": set{"rope_type": "yarn", "factor": 32}}, func(m layers.Config) any { return m.Attention.Rope.Yarn.Amplitude }, float32(0.1*math.Log(32) + 1)},
		{"one mscale alone weighs nothing", plainGPTOSS, set{"rope_scaling": set{"rope_type": "yarn", "factor": 32, "mscale": 0.5}}, func(m layers.Config) any { return m.Attention.Rope.Yarn.Amplitude }, float32(0.1*math.Log(32) + 1)},
		{"one mscale_all_dim alone weighs nothing", plainGPTOSS, set{"rope_scaling": set{"rope_type": "yarn", "factor": 32, "mscale_all_dim": 0.5}}, func(m layers.Config) any { return m.Attention.Rope.Yarn.Amplitude }, float32(0.1*math.Log(32) + 1)},
		{"one mscale alone weighs in latent attention", plainV3, set{"rope_scaling": set{"type": "yarn", "factor": 32, "mscale": 0.5}}, func(m layers.Config) any { return m.Attention.Rope.Yarn.Amplitude }, float32(0.1*0.5*math.Log(32) + 1)},
		{"equal mscales cancel", plainV3, set{"rope_scaling": yarn}, func(m layers.Config) any { return m.Attention.Rope.Yarn.Amplitude }, float32(1)},
		{"mscale_all_dim sharpens latent scores", plainV3, set{"rope_scaling": yarn}, func(m layers.Config) any { return m.Attention.Latent.ScaleFactor }, float32(1.5896261651208736)},
		{"so it does beside a linear stretch", plainV3, set{"rope_scaling": set{"type": "linear", "factor": 40, "mscale_all_dim": 0.707}}, func(m layers.Config) any { return m.Attention.Latent.ScaleFactor }, float32(1.5896261651208736)},
		{"but not where nothing is stretched", plainV3, set{"rope_scaling": set{"type": "default", "factor": 40, "mscale_all_dim": 0.707}}, func(m layers.Config) any { return m.Attention.Latent.ScaleFactor }, float32(1)},
		{"no yarn leaves latent scores", plainV3, nil, func(m layers.Config) any { return m.Attention.Latent.ScaleFactor }, float32(1)},
		{"a given attention_factor counts", plainGPTOSS, set{"rope_scaling": set{"rope_type": "yarn", "factor": 32, "attention_factor": 1.25}}, func(m layers.Config) any { return m.Attention.Rope.Yarn.Amplitude }, float32(1.25)},
		{"yarn's ramp is rounded", plainGPTOSS, set{"rope_scaling": set{"rope_type": "yarn", "factor": 32}}, func(m layers.Config) any { return m.Attention.Rope.Yarn.Exact }, false},
		{"yarn's ramp is not rounded if truncate is false", plainGPTOSS, set{"rope_scaling": set{"rope_type": "yarn", "factor": 32, "truncate": false}}, func(m layers.Config) any { return m.Attention.Rope.Yarn.Exact }, true},
		{"Qwen without a list has mixtures only", plainQwen, nil, func(m layers.Config) any { return fmt.Sprint(m.Dense.Layers) }, "[]"},
		{"Qwen's sparse step counts from one", plainQwen, set{"decoder_sparse_step": 2}, func(m layers.Config) any { return fmt.Sprint(m.Dense.Layers) }, "[0 2 4]"},
		{"Qwen's listed layers are dense", plainQwen, set{"mlp_only_layers": []int{5, 1}}, func(m layers.Config) any { return fmt.Sprint(m.Dense.Layers) }, "[1 5]"},
		{"Qwen2 has biases on q, k and v", plainQwen, nil, func(m layers.Config) any { return [2]bool{m.Attention.Bias, m.Attention.OutBias} }, [2]bool{true, false}},
		{"Qwen2 may have none", plainQwen, set{"qkv_bias": false}, func(m layers.Config) any { return m.Attention.Bias }, false},
		{"attention_bias is on all four", plainMixtral, set{"attention_bias": true}, func(m layers.Config) any { return [2]bool{m.Attention.Bias, m.Attention.OutBias} }, [2]bool{true, true}},
		{"DeepSeek's first layers are dense", plainV3, nil, func(m layers.Config) any { return fmt.Sprint(m.Dense.Layers) }, "[0 1 2]"},
		{"DeepSeek's mixtures may be every so many-th", plainV3, set{"first_k_dense_replace": 1, "moe_layer_freq": 3}, func(m layers.Config) any { return fmt.Sprint(m.Dense.Layers) }, "[0 1 2 4]"},
		{"shared experts are one wide perceptron", plainV3, set{"n_shared_experts": 3}, func(m layers.Config) any { return m.MoE.Shared.Inner }, 96},
		{"null is no shared expert", plainV3, set{"n_shared_experts": null}, func(m layers.Config) any { return m.MoE.Shared.Inner }, 0},
		{"as many groups as there are confine nothing", plainV3, set{"topk_group": 4}, func(m layers.Config) any { return m.MoE.Router.Groups.On() }, false},
		{"gpt-oss has windows on even layers", plainGPTOSS, nil, func(m layers.Config) any { return fmt.Sprint(m.Attention.Window.At(0), m.Attention.Window.At(1)) }, "128 0"},
		{"gpt-oss lists its windows", plainGPTOSS, set{"layer_types": []string{"full_attention", "sliding_attention", "sliding_attention", "full_attention"}}, func(m layers.Config) any { return fmt.Sprint(m.Attention.Window.Except) }, "[0 3]"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			config, err := ParseConfig("config.json", changed(t, c.base, c.changes))
			if err != nil {
				t.Fatal(err)
			}
			if got := c.got(config.Model); got != c.want {
				t.Errorf("%v, want %v", got, c.want)
			}
		})
	}
}

// A field that is missing has the value of transformers' configuration class, and where that has none of DeepSeek's.
func TestMissingFields(t *testing.T) {
	type set = map[string]any
	latent := set{"q_lora_rank": 1536, "attention_bias": false, "moe_layer_freq": 1, "rope_theta": 10000, "rope_scaling": null, "hidden_act": "silu", "tie_word_embeddings": false, "rope_interleave": true}
	v3 := set{"first_k_dense_replace": 3, "n_shared_experts": 1, "norm_topk_prob": true, "scoring_func": "sigmoid", "topk_method": "noaux_tc", "max_position_embeddings": 4096}
	qwen := set{"rope_theta": 10000, "rope_scaling": null, "hidden_act": "silu", "tie_word_embeddings": false, "use_sliding_window": false, "decoder_sparse_step": 1, "mlp_only_layers": []int{}, "norm_topk_prob": false}
	for _, c := range []struct {
		family, base string
		defaults     []set
	}{
		{"mixtral", plainMixtral, []set{{"num_key_value_heads": 8, "head_dim": null, "hidden_act": "silu", "tie_word_embeddings": false, "sliding_window": null, "rope_theta": 1e6, "rope_scaling": null}}},
		{"olmoe", strings.Replace(plainMixtral, "num_local_experts", "num_experts", 1), []set{{"num_key_value_heads": 16, "head_dim": null, "hidden_act": "silu",
			"tie_word_embeddings": false, "rope_theta": 10000, "rope_scaling": null, "attention_bias": false, "clip_qkv": null, "norm_topk_prob": false}}},
		{"qwen2_moe", plainQwen, []set{qwen, {"num_key_value_heads": 16, "qkv_bias": true}}},
		{"qwen3_moe", plainQwen, []set{qwen, {"num_key_value_heads": 4, "attention_bias": false}}},
		{"deepseek", plainV3, []set{{"num_key_value_heads": 16, "hidden_act": "silu", "tie_word_embeddings": false, "rope_theta": 10000, "rope_scaling": null, "attention_bias": false,
			"n_shared_experts": null, "first_k_dense_replace": 0, "moe_layer_freq": 1, "norm_topk_prob": false, "scoring_func": "softmax", "max_position_embeddings": 2048}}},
		{"deepseek_v2", plainV3, []set{latent, {"first_k_dense_replace": 0, "norm_topk_prob": false, "routed_scaling_factor": 1, "scoring_func": "softmax", "topk_method": "greedy", "max_position_embeddings": 2048}}},
		{"deepseek_v3", plainV3, []set{latent, v3}},
		{"kimi_k2", plainV3, []set{latent, v3}},
		{"gpt_oss", plainGPTOSS, []set{{"num_key_value_heads": 8, "head_dim": 64, "sliding_window": 128, "hidden_act": "silu", "tie_word_embeddings": false, "attention_bias": true, "rope_theta": 150000,
			"rope_scaling": set{"rope_type": "yarn", "factor": 32, "beta_fast": 32, "beta_slow": 1, "truncate": false, "original_max_position_embeddings": 4096}}}},
	} {
		explicit := set{"model_type": c.family, "num_attention_heads": 16, "hidden_size": 64}
		for _, defaults := range c.defaults {
			maps.Copy(explicit, defaults)
		}
		if strings.HasPrefix(c.family, "deepseek") && c.family != "deepseek_v3" {
			explicit["scoring_func"], explicit["topk_method"] = "softmax", "greedy"
		}
		want, err := ParseConfig("config.json", changed(t, c.base, explicit))
		if err != nil {
			t.Fatalf("%s: %v", c.family, err)
		}
		for _, defaults := range c.defaults {
			for field := range defaults {
				without := maps.Clone(explicit)
				without[field] = nil
				got, err := ParseConfig("config.json", changed(t, c.base, without))
				if err != nil || !reflect.DeepEqual(got, want) {
					t.Errorf("%s without %s\n got %+v, error %v\nwant %+v", c.family, field, got, err, want)
				}
			}
		}
	}
}

func TestEndOfText(t *testing.T) {
	for _, c := range []struct {
		rule string
		eos  any
		want []int
	}{
		{"none", nil, nil},
		{"one", 7, []int{7}},
		{"several", []int{7, 9}, []int{7, 9}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			config, err := ParseConfig("config.json", changed(t, plainMixtral, map[string]any{"eos_token_id": c.eos}))
			if err != nil || !slices.Equal(config.EOS, c.want) {
				t.Errorf("%v %v, want %v", config.EOS, err, c.want)
			}
		})
	}
}

// The configs of released models: read, or refused by the name of the family.
func TestReleasedConfigs(t *testing.T) {
	dir := filepath.Join(dataFolder(t), "data", "configs")
	for name, want := range map[string]string{
		"Qwen--Qwen1.5-MoE-A2.7B":                    "qwen2_moe",
		"Qwen--Qwen3-235B-A22B":                      "qwen3_moe",
		"Qwen--Qwen3-30B-A3B":                        "qwen3_moe",
		"Qwen--Qwen3.5-35B-A3B":                      `field "model_type" is "qwen3_5_moe"`,
		"allenai--OLMoE-1B-7B-0125-Instruct":         "olmoe",
		"deepseek-ai--DeepSeek-R1":                   "deepseek_v3",
		"deepseek-ai--DeepSeek-V2-Lite":              "deepseek_v2",
		"deepseek-ai--DeepSeek-V3":                   "deepseek_v3",
		"google--gemma-4-26B-A4B":                    `field "model_type" is "gemma4"`,
		"meta-llama--Llama-4-Scout-17B-16E-Instruct": `field "model_type" is "llama4"`,
		"mistralai--Mixtral-8x22B-v0.1":              "mixtral",
		"mistralai--Mixtral-8x7B-v0.1":               "mixtral",
		"moonshotai--Kimi-K2-Instruct":               "kimi_k2",
		"openai--gpt-oss-120b":                       "gpt_oss",
		"openai--gpt-oss-20b":                        "gpt_oss",
	} {
		t.Run(name, func(t *testing.T) {
			c, err := parseFile(t, filepath.Join(dir, name+".config.json"))
			if strings.HasPrefix(want, "field") {
				if err == nil || !strings.Contains(err.Error(), want) || strings.Count(err.Error(), "\n") > 0 {
					t.Errorf("error %v, want one of %s", err, want)
				}
				return
			}
			if err != nil || c.Family.ModelType != want {
				t.Errorf("family %v, error %v, want %s", c, err, want)
			}
		})
	}
}

func FuzzParseConfig(f *testing.F) {
	for _, text := range []string{plainMixtral, plainQwen, plainV3, plainGPTOSS, `{"model_type": "olmoe"}`, `[]`, `null`,
		string(changed(f, plainV3, map[string]any{"rope_scaling": map[string]any{"type": "yarn", "factor": 2}, "quantization_config": nil}))} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := ParseConfig("config.json", text)
		if err != nil {
			return
		}
		if e := c.Estimate(3, 4); e.Parameters < e.Active || e.Active < e.Shared || e.Expert < 1 || e.RankBytes[0] < 1 {
			t.Errorf("%s\nmakes %+v", text, e)
		}
	})
}
