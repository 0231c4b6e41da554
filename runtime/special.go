package runtime

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"capmoe/runtime/checkpoint"
	"capmoe/runtime/tokenizer"
)

// The files of a model folder that are read beside those of package checkpoint. The second may be missing.
const (
	tokenizerFile       = "tokenizer.json"
	tokenizerConfigFile = "tokenizer_config.json"
)

// IsModelFile tells whether a file of this name, in a model folder, is one that the model is read from.
func IsModelFile(name string) bool {
	return checkpoint.IsPart(name) || name == tokenizerFile || name == tokenizerConfigFile
}

// encoder turns prompts into tokens.
type encoder struct {
	tokenizer *tokenizer.Tokenizer
	template  bool  // with what the tokenizer's post-processor puts around a text
	bos       int32 // before every text; -1: none
}

// tokenizerConfig is the part of tokenizer_config.json that says how prompts begin and end.
type tokenizerConfig struct {
	AddBOS *bool           `json:"add_bos_token"`
	AddEOS bool            `json:"add_eos_token"`
	BOS    json.RawMessage `json:"bos_token"` // a text, {"content": text} or null
}

// encoder makes the encoder for requests; none of which may be a text, and then no
// tokenizer is needed. Where the switch leaves it to the files, add_bos_token of
// tokenizer_config.json decides, and the tokenizer's post-processor where that is missing.
func (e *Engine) encoder(bos Switch, requests []written) (enc encoder, err error) {
	enc.bos = -1
	if !slices.ContainsFunc(requests, func(w written) bool { return w.text != nil }) {
		return enc, nil
	}
	if enc.tokenizer, err = e.Tokenizer(); err != nil {
		return enc, err
	}
	path := filepath.Join(e.dir, tokenizerConfigFile)
	var cfg tokenizerConfig
	if err := readOptional(path, &cfg); err != nil {
		return enc, err
	}
	if bos == AsFiled && cfg.AddEOS {
		return enc, fmt.Errorf("runtime: %s: field \"add_eos_token\" is true: a token behind every prompt is not supported; --add-bos or --add-bos=false says what prompts have", path)
	}
	if bos == AsFiled && cfg.AddBOS != nil {
		bos = Off
		if *cfg.AddBOS {
			bos = On
		}
	}
	enc.template = bos == AsFiled
	if bos == On {
		enc.bos, err = bosID(path, cfg.BOS, enc.tokenizer)
	}
	return enc, err
}

func (enc encoder) encode(text string) ([]int32, error) {
	if enc.template {
		return enc.tokenizer.EncodeWithSpecial(text)
	}
	ids, err := enc.tokenizer.Encode(text)
	if enc.bos >= 0 {
		ids = append([]int32{enc.bos}, ids...)
	}
	return ids, err
}

// bosID is the id of the token that a text begins with.
func bosID(path string, raw json.RawMessage, tok *tokenizer.Tokenizer) (int32, error) {
	var token string
	if len(raw) > 0 && json.Unmarshal(raw, &token) != nil {
		var object struct{ Content string }
		if err := json.Unmarshal(raw, &object); err != nil {
			return -1, fmt.Errorf("runtime: %s: field \"bos_token\": %w", path, jsonFault(err, "a text"))
		}
		token = object.Content
	}
	if token == "" {
		return -1, fmt.Errorf("runtime: %s: field \"bos_token\" names no token to put before prompts", path)
	}
	id, known := tok.TokenID(token)
	if !known {
		return -1, fmt.Errorf("runtime: %s: field \"bos_token\": token %q is not among the tokenizer's %d", path, token, tok.VocabSize())
	}
	return id, nil
}

// ends lists the ids that end a text: those of generation_config.json, or of
// config.json where that has none. One outside the vocabulary is never chosen: as in transformers that is no fault, and note says so.
func (e *Engine) ends() (ids []int32, note string, err error) {
	eos, err := checkpoint.ReadGenerationEOS(e.dir)
	if err != nil {
		return nil, "", err
	}
	file := filepath.Join(e.dir, checkpoint.GenerationConfig)
	if eos == nil {
		eos, file = e.config.EOS, e.config.File
	}
	var outside []int
	for _, id := range eos {
		if id < 0 || id >= e.config.Model.Vocab {
			outside = append(outside, id)
			continue
		}
		ids = append(ids, int32(id))
	}
	if len(outside) > 0 {
		note = fmt.Sprintf("%s: field \"eos_token_id\": %v end no text: the vocabulary is 0 to %d", file, outside, e.config.Model.Vocab-1)
	}
	return ids, note, nil
}

// readOptional decodes a JSON file, which may be missing.
func readOptional(path string, v any) error {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("runtime: %w", err)
	}
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("runtime: %s: %w", path, jsonFault(err, "an object"))
	}
	return nil
}
