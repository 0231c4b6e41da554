package main

import (
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"capmoe/launch"
	"capmoe/runtime/checkpoint"
)

// checkModelFault asks for logits of a model that cannot be loaded.
func checkModelFault(t *testing.T, dir string, texts ...string) {
	t.Helper()
	out := t.TempDir()
	tokens := filepath.Join(t.TempDir(), "tokens.json")
	writeFile(t, tokens, []byte(`{"sequences": [[1, 2, 3]]}`))
	for _, ranks := range faultRanks {
		args := []string{"logits", "--model", dir, "--tokens", tokens, "--out", filepath.Join(out, "logits")}
		checkFault(t, capmoe(ranks, args...), launch.ExitFailed, texts...)
	}
	checkClean(t, out)
}

// A config.json that is absurd is refused before weights are read: file, field and
// numbers are named.
func TestConfigFaults(t *testing.T) {
	for _, c := range []struct {
		rule   string
		change func(config map[string]any)
		texts  []string
	}{
		{"a field is there", func(c map[string]any) { delete(c, "num_experts") }, []string{`"num_experts"`, "missing"}},
		{"the family is there", func(c map[string]any) { delete(c, "model_type") }, []string{`"model_type"`, "missing"}},
		{"the family is known", func(c map[string]any) { c["model_type"] = "llama" }, []string{`"model_type"`, `"llama"`, "olmoe"}},
		{"a size is not negative", func(c map[string]any) { c["hidden_size"] = -16 }, []string{`"hidden_size"`, "-16"}},
		{"a size is not 0", func(c map[string]any) { c["num_attention_heads"] = 0 }, []string{`"num_attention_heads"`, "0"}},
		{"a size is not huge", func(c map[string]any) { c["num_experts"] = 1e12 }, []string{`"num_experts"`, "1000000000000"}},
		{"a size is whole", func(c map[string]any) { c["num_hidden_layers"] = 1.5 }, []string{`"num_hidden_layers"`, "1.5"}},
		{"a size is a number", func(c map[string]any) { c["vocab_size"] = "many" }, []string{`"vocab_size"`, `"many"`}},
		{"tokens choose among the experts", func(c map[string]any) { c["num_experts_per_tok"] = 5 }, []string{`"num_experts_per_tok"`, "5", `"num_experts"`, "4"}},
		{"heads divide the width", func(c map[string]any) { c["num_attention_heads"] = 3 }, []string{`"num_attention_heads"`, "3"}},
		{"key heads divide the heads", func(c map[string]any) { c["num_key_value_heads"] = 3 }, []string{`"num_key_value_heads"`, "3", "2"}},
		{"ε is positive", func(c map[string]any) { c["rms_norm_eps"] = 0 }, []string{`"rms_norm_eps"`, "0"}},
		{"the activation is SiLU", func(c map[string]any) { c["hidden_act"] = "relu" }, []string{`"hidden_act"`, `"relu"`}},
		{"faults are told together", func(c map[string]any) { c["hidden_size"], c["vocab_size"] = -16, -4 }, []string{`"hidden_size"`, "-16", `"vocab_size"`, "-4"}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			m := newModel()
			c.change(m.config)
			checkModelFault(t, m.write(t), append(c.texts, "config.json")...)
		})
	}
}

// A model folder without its files is named.
func TestFolderFaults(t *testing.T) {
	for _, c := range []struct {
		rule  string
		spoil func(t *testing.T, dir string)
		texts []string
	}{
		{"the folder is there", func(t *testing.T, dir string) { os.RemoveAll(dir) }, []string{"config.json", "no such file"}},
		{"config.json is there", func(t *testing.T, dir string) { os.Remove(filepath.Join(dir, "config.json")) }, []string{"config.json", "no such file"}},
		{"config.json is JSON", func(t *testing.T, dir string) {
			writeFile(t, filepath.Join(dir, "config.json"), []byte(`{"model_type": `))
		}, []string{"config.json", "JSON"}},
		{"config.json is an object", func(t *testing.T, dir string) { writeFile(t, filepath.Join(dir, "config.json"), []byte(`[1]`)) }, []string{"config.json", "JSON"}},
		{"weights are there", func(t *testing.T, dir string) { os.Remove(filepath.Join(dir, "model.safetensors")) }, []string{"model.safetensors"}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			dir := newModel().write(t)
			c.spoil(t, dir)
			checkModelFault(t, dir, append(c.texts, dir)...)
		})
	}
}

// A safetensors file that was cut or that lies about itself is refused.
func TestFileFaults(t *testing.T) {
	header := func(length uint64) func(*testing.T, string) {
		return func(t *testing.T, path string) {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			binary.LittleEndian.PutUint64(data, length)
			writeFile(t, path, data)
		}
	}
	cut := func(size int64) func(*testing.T, string) {
		return func(t *testing.T, path string) {
			if err := os.Truncate(path, size); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, c := range []struct {
		rule  string
		spoil func(t *testing.T, path string)
		texts []string
	}{
		{"the file is not empty", cut(0), []string{"0 bytes"}},
		{"the length is whole", cut(7), []string{"7 bytes"}},
		{"the header is there", cut(8), []string{"0 bytes", "truncated"}},
		{"the header is whole", cut(100), []string{"92 bytes", "truncated"}},
		{"the data are there", cut(8000), []string{"truncated"}},
		{"the data are whole", func(t *testing.T, path string) {
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			cut(info.Size()-1)(t, path)
		}, []string{"truncated"}},
		{"the header is not empty", header(0), []string{"header"}},
		{"the header is no less than it is", header(64), []string{"header"}},
		{"the header is within the file", header(90_000_000), []string{"90000000", "truncated"}},
		{"the header is not huge", header(math.MaxUint64), []string{"18446744073709551615", "100000000"}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			dir := newModel().write(t)
			path := filepath.Join(dir, "model.safetensors")
			c.spoil(t, path)
			checkModelFault(t, dir, append(c.texts, path)...)
		})
	}
}

// A tensor that is not what config.json says is named with both.
func TestTensorFaults(t *testing.T) {
	const mine = "model.layers.1.mlp.experts.3.up_proj.weight" // of the last rank alone
	for _, c := range []struct {
		rule   string
		change func(m *model)
		texts  []string
	}{
		{"a tensor of all ranks is there", func(m *model) { delete(m.tensors, "model.norm.weight") }, []string{`"model.norm.weight"`, "not found"}},
		{"a tensor of one rank is there", func(m *model) { delete(m.tensors, mine) }, []string{mine, "not found"}},
		{"a shape is as the config says", func(m *model) { m.config["intermediate_size"] = 4 }, []string{"model.layers.0.mlp.experts.0.gate_proj.weight", "[8 16]", "[4 16]"}},
		{"layers are as many as the config says", func(m *model) { m.config["num_hidden_layers"] = 3 }, []string{`"model.layers.2.`, "not found"}},
		{"a tensor of a layer has a use", func(m *model) { m.tensors["model.layers.1.self_attn.q_proj.bias"] = m.tensors["model.norm.weight"] }, []string{"no use", "1 tensor (model.layers.1.self_attn.q_proj.bias)"}},
		{"a shape is not turned", func(m *model) {
			x := m.tensors[mine]
			x.shape = []int{smallHidden, smallInner}
			m.tensors[mine] = x
		}, []string{mine, "[16 8]", "[8 16]"}},
		{"weights are no integers", func(m *model) {
			x := m.tensors["lm_head.weight"]
			x.dtype = checkpoint.I32
			m.tensors["lm_head.weight"] = x
		}, []string{`"lm_head.weight"`, "I32"}},
		{"weights are numbers", func(m *model) { m.set("model.embed_tokens.weight", 35, float32(math.NaN())) }, []string{`"model.embed_tokens.weight"`, "NaN", "element 35 [2 3]"}},
		{"what headers say comes before weights", func(m *model) {
			m.set("model.embed_tokens.weight", 35, float32(math.NaN()))
			delete(m.tensors, mine)
		}, []string{mine, "not found"}},
		{"so do tensors without a use", func(m *model) {
			m.set("model.embed_tokens.weight", 35, float32(math.NaN()))
			m.tensors["model.layers.1.self_attn.q_proj.bias"] = m.tensors["model.norm.weight"]
		}, []string{"no use", "1 tensor (model.layers.1.self_attn.q_proj.bias)"}},
		{"weights of one rank are numbers", func(m *model) { m.set(mine, 20, float32(math.NaN())) }, []string{mine, "NaN", "element 20 [1 4]"}},
		{"weights of one rank are finite", func(m *model) { m.set(mine, 21, float32(math.Inf(-1))) }, []string{mine, "Inf", "element 21 [1 5]"}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			m := newModel()
			c.change(m)
			dir := m.write(t)
			checkModelFault(t, dir, append(c.texts, dir)...)
		})
	}
}

// Weights that are finite and too large to compute with end in an error, not in a
// result that is no number or was chosen by one.
func TestOverflow(t *testing.T) {
	folder := t.TempDir()
	tasks, tokens := filepath.Join(folder, "tasks.jsonl"), filepath.Join(folder, "tokens.json")
	writeFile(t, tasks, []byte(`{"context": "The cat", "choices": [" sat", " flew"], "gold": 0}`))
	writeFile(t, tokens, []byte(`{"sequences": [[1, 2, 3]]}`))
	eval := []string{"eval", "--text", shippedText, "--window", "32", "--max-tokens", "64"}
	for _, c := range []struct {
		rule, tensor string
		command      []string
		texts        []string
	}{
		{"losses are finite", "lm_head.weight", eval, []string{"perplexity is NaN", "window 0 of 2"}},
		{"choices are comparable", "lm_head.weight", []string{"eval", "--tasks", tasks}, []string{tasks, "question 0, choice 0", "log-likelihood is NaN"}},
		{"logits are finite", "lm_head.weight", []string{"logits", "--tokens", tokens, "--out", filepath.Join(folder, "logits")}, []string{"sequence 0, token 0: a logit is not finite", "token id 0 of 4096"}},
		{"router scores are numbers", "model.layers.1.mlp.gate.weight", eval, []string{"layer 1", "router score of token 0", "NaN"}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			m := newModel()
			for i := range m.tensors[c.tensor].bits {
				m.set(c.tensor, i, math.MaxFloat32)
			}
			args := append(slices.Clone(c.command), "--model", m.write(t))
			for _, ranks := range faultRanks {
				checkFault(t, capmoe(ranks, args...), launch.ExitFailed, c.texts...)
			}
		})
	}
}

// The fault of one rank alone says which rank, and where it runs.
func TestFaultNamesItsRank(t *testing.T) {
	m := newModel()
	delete(m.tensors, "model.layers.0.mlp.experts.1.down_proj.weight")
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"eval", "--model", m.write(t), "--text", shippedText}
	checkFault(t, capmoe(3, args...), launch.ExitFailed, "rank 1 ("+host+")", "experts.1.down_proj")
}
