package checkpoint

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"capmoe/layers"
)

// The files of a model folder that say what the model is, and how it generates. The second may be missing.
const (
	configName       = "config.json"
	GenerationConfig = "generation_config.json"
)

// IsPart tells whether a file of this name, in a model folder, is one of those that this package reads.
func IsPart(name string) bool {
	return filepath.Ext(name) == ".safetensors" || slices.Contains([]string{configName, GenerationConfig, indexName}, name)
}

// Config is a model folder's config.json, understood.
type Config struct {
	File   string // path of config.json
	Family *Family
	Model  layers.Config
	Tied   bool  // the output matrix is the embedding
	EOS    []int // token ids that end a text; nil if the config names none
	Block  int   // edge of the squares that fp8 weights have scales for; 0: no scales
	Pairs  bool  // rotary embedding turns neighbours, not elements half a head apart
	Behind int   // layers for predicting further tokens, behind the last; not read
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
	f := newFields(path)
	if !f.decode(data) {
		return nil, f.err()
	}
	var modelType string
	if !f.read("model_type", &modelType) {
		return nil, f.err()
	}
	family, known := families[modelType]
	if !known {
		f.refuse("model_type", "is %q, want one of %s", modelType, familyNames())
		return nil, f.err()
	}
	c := &Config{File: path, Family: family, Model: family.config(f), Tied: f.boolOr("tie_word_embeddings", false), EOS: f.eos()}
	c.Block = quantization(f, family)
	c.Behind = f.countOr("num_nextn_predict_layers", 0)
	c.Pairs = family.pairs && f.boolOr("rope_interleave", true)
	if f.err() == nil {
		c.plausible(f)
	}
	return c, f.err()
}

// ReadGenerationEOS reads from dir/generation_config.json the token ids that end a text; nil if it names none, or is not there.
func ReadGenerationEOS(dir string) ([]int, error) {
	path := filepath.Join(dir, GenerationConfig)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fileError(path, err)
	}
	f := newFields(path)
	f.decode(data)
	return f.eos(), f.err()
}

// eos reads eos_token_id: a number, a list or null.
func (f *fields) eos() []int {
	const name = "eos_token_id"
	if !f.has(name) {
		return nil
	}
	var one int
	if json.Unmarshal(f.raw[name], &one) == nil {
		return []int{one}
	}
	var several []*int
	f.read(name, &several)
	ids := make([]int, len(several))
	for i, id := range several {
		if id == nil {
			f.refuse(name, "is %s, want a list of token ids", abridged(f.raw[name]))
			return nil
		}
		ids[i] = *id
	}
	return ids
}

// common reads the fields that every family has under the same name.
func common(f *fields) layers.Config {
	f.only("hidden_act", "silu")
	return layers.Config{
		Vocab:        f.size("vocab_size"),
		Hidden:       f.size("hidden_size"),
		Layers:       f.size("num_hidden_layers"),
		MaxPositions: f.size("max_position_embeddings"),
		Eps:          float32(f.positive("rms_norm_eps")),
	}
}

// quantization reads quantization_config: the edge of the squares of 8-bit weights
// that share a scale; 0 if there are none.
func quantization(f *fields, family *Family) int {
	for _, name := range []string{"quantization", "compression_config"} { // MLX's, and an older one of compressed-tensors
		if f.has(name) && !f.has("quantization_config") {
			f.refuse(name, "is %s, which is not supported", abridged(f.raw[name]))
		}
	}
	if !f.has("quantization_config") {
		return 0
	}
	q := f.object("quantization_config")
	method := "fp8"
	if family.together {
		method = "mxfp4"
	}
	var block []int
	if q.oneOf("quant_method", "", method) != "fp8" || !q.read("weight_block_size", &block) {
		return 0
	}
	if len(block) != 2 || block[0] != block[1] || block[0] < 1 || block[0] > maxDim {
		q.refuse("weight_block_size", "is %v, want two equal sizes", block)
		return 0
	}
	return block[0]
}
