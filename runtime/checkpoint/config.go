package checkpoint

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"

	"capmoe/layers"
)

const configName = "config.json"

// Config is a model folder's config.json, understood.
type Config struct {
	File   string // path of config.json
	Family *Family
	Model  layers.Config
	Tied   bool  // the output matrix is the embedding
	EOS    []int // token ids that end a text; nil if the config names none
}

// ReadConfig reads dir/config.json. Its error joins every fault of the file.
func ReadConfig(dir string) (*Config, error) {
	path := filepath.Join(dir, configName)
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fileError(path, err)
	}
	return ParseConfig(path, data)
}

// ParseConfig reads the text of a config.json; path is for its errors.
func ParseConfig(path string, data []byte) (*Config, error) {
	f := &fields{file: path}
	if err := json.NewDecoder(bytes.NewReader(data)).Decode(&f.raw); err != nil {
		f.fault("not a JSON object: %w", err)
		return nil, f.err()
	}
	var modelType string
	if !f.read("model_type", &modelType) {
		return nil, f.err()
	}
	family, known := families[modelType]
	if !known {
		f.fault("field \"model_type\" is %q, want one of %s", modelType, familyNames())
		return nil, f.err()
	}
	c := &Config{File: path, Family: family, Model: family.config(f), Tied: f.boolOr("tie_word_embeddings", false), EOS: f.eos()}
	return c, f.err()
}

// eos reads eos_token_id: a number, a list or null.
func (f *fields) eos() []int {
	if !f.has("eos_token_id") {
		return nil
	}
	var one int
	if json.Unmarshal(f.raw["eos_token_id"], &one) == nil {
		return []int{one}
	}
	var several []int
	f.read("eos_token_id", &several)
	return several
}

// common reads the fields that every family has under the same name.
func common(f *fields) layers.Config {
	c := layers.Config{
		Vocab:        f.size("vocab_size"),
		Hidden:       f.size("hidden_size"),
		Layers:       f.size("num_hidden_layers"),
		MaxPositions: f.size("max_position_embeddings"),
		Eps:          float32(f.positive("rms_norm_eps")),
	}
	a := &c.Attention
	a.Heads = f.size("num_attention_heads")
	a.KVHeads = f.sizeOr("num_key_value_heads", a.Heads)
	f.divides("num_attention_heads", a.Heads, "num_key_value_heads", a.KVHeads)
	if f.has("head_dim") {
		a.HeadDim = f.size("head_dim")
	} else {
		f.divides("hidden_size", c.Hidden, "num_attention_heads", a.Heads)
		a.HeadDim = max(1, c.Hidden/a.Heads)
	}
	if a.HeadDim%2 != 0 {
		f.fault("head size %d is odd: rotary embedding needs pairs", a.HeadDim)
	}
	a.RopeTheta = f.positiveOr("rope_theta", 10000)
	f.only("hidden_act", "silu")
	return c
}

// mixture reads the numbers of a mixture under a family's names.
func mixture(f *fields, experts, inner string) layers.MoEConfig {
	m := layers.MoEConfig{Experts: f.size(experts), TopK: f.size("num_experts_per_tok"), Inner: f.size(inner)}
	f.atMost("num_experts_per_tok", m.TopK, experts, m.Experts)
	return m
}
