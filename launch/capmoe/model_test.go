package main

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"capmoe/runtime/checkpoint"
)

// The model and the text that the repository comes with.
const (
	shippedModel = "../../examples/tiny-olmoe"
	shippedText  = "../../examples/text/valid.txt"
)

// model is a small random OLMoE checkpoint, to be written whole or damaged. Its
// tokenizer is the shipped one.
type model struct {
	config  map[string]any
	tensors map[string]tensor
}

type tensor struct {
	dtype checkpoint.DType // of 4 bytes
	shape []int
	bits  []uint32
}

// The sizes of the small model. Three ranks own experts {0}, {1} and {2, 3}.
const (
	smallVocab   = 4096
	smallHidden  = 16
	smallInner   = 8
	smallLayers  = 2
	smallExperts = 4
)

func newModel() *model {
	m := &model{
		config: map[string]any{
			"model_type": "olmoe", "vocab_size": smallVocab, "hidden_size": smallHidden, "intermediate_size": smallInner,
			"num_hidden_layers": smallLayers, "num_attention_heads": 2, "num_key_value_heads": 2,
			"num_experts": smallExperts, "num_experts_per_tok": 2, "max_position_embeddings": 64,
			"rms_norm_eps": 1e-5, "rope_theta": 10000, "hidden_act": "silu", "norm_topk_prob": false, "tie_word_embeddings": false,
		},
		tensors: map[string]tensor{},
	}
	r := rand.New(rand.NewPCG(1, 2))
	add := func(name string, shape ...int) {
		n := 1
		for _, d := range shape {
			n *= d
		}
		x := tensor{checkpoint.F32, shape, make([]uint32, n)}
		for i := range x.bits {
			x.bits[i] = math.Float32bits(float32(0.3 * r.NormFloat64()))
		}
		m.tensors[name] = x
	}
	add("model.embed_tokens.weight", smallVocab, smallHidden)
	add("model.norm.weight", smallHidden)
	add("lm_head.weight", smallVocab, smallHidden)
	for layer := range smallLayers {
		in := fmt.Sprintf("model.layers.%d.", layer)
		add(in+"input_layernorm.weight", smallHidden)
		add(in+"post_attention_layernorm.weight", smallHidden)
		for _, name := range []string{"q_proj", "k_proj", "v_proj", "o_proj"} {
			add(in+"self_attn."+name+".weight", smallHidden, smallHidden)
		}
		add(in+"self_attn.q_norm.weight", smallHidden)
		add(in+"self_attn.k_norm.weight", smallHidden)
		add(in+"mlp.gate.weight", smallExperts, smallHidden)
		for e := range smallExperts {
			of := fmt.Sprintf("%smlp.experts.%d.", in, e)
			add(of+"gate_proj.weight", smallInner, smallHidden)
			add(of+"up_proj.weight", smallInner, smallHidden)
			add(of+"down_proj.weight", smallHidden, smallInner)
		}
	}
	return m
}

// set puts a value in the place of one of a tensor's.
func (m *model) set(name string, place int, v float32) {
	m.tensors[name].bits[place] = math.Float32bits(v)
}

// write writes the model to a folder of its own.
func (m *model) write(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	config, err := json.MarshalIndent(m.config, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "config.json"), config)
	tokenizer, err := filepath.Abs(filepath.Join(shippedModel, "tokenizer.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(tokenizer, filepath.Join(dir, "tokenizer.json")); err != nil {
		t.Fatal(err)
	}
	if err := m.writeWeights(filepath.Join(dir, "model.safetensors")); err != nil {
		t.Fatal(err)
	}
	return dir
}

func (m *model) writeWeights(path string) error {
	var specs []checkpoint.Spec
	for _, name := range slices.Sorted(maps.Keys(m.tensors)) {
		specs = append(specs, checkpoint.Spec{Name: name, DType: m.tensors[name].dtype, Shape: m.tensors[name].shape})
	}
	w, err := checkpoint.Create(path, nil, specs)
	if err != nil {
		return err
	}
	defer w.Abort()
	for _, s := range specs {
		var data []byte
		for _, bits := range m.tensors[s.Name].bits {
			data = binary.LittleEndian.AppendUint32(data, bits)
		}
		if err := w.Append(s.Name, data); err != nil {
			return err
		}
	}
	return w.Close()
}

func writeFile(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o666); err != nil {
		t.Fatal(err)
	}
}

func readJSON(t *testing.T, path string, v any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(text, v)
	}
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}
