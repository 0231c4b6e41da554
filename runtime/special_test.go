package runtime

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// modelWith is the trained model's folder with some files changed; an empty text
// leaves one out.
func modelWith(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "generation_config.json"} {
		path, err := filepath.Abs(filepath.Join(trainedModel, name))
		if err != nil {
			t.Fatal(err)
		}
		text, changed := files[name]
		switch {
		case !changed:
			err = os.Symlink(path, filepath.Join(dir, name))
		case text != "":
			err = os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// withTemplate is the trained model's tokenizer.json with a post-processor that puts
// token 0 before a text.
func withTemplate(t *testing.T) string {
	t.Helper()
	var file map[string]json.RawMessage
	readJSON(t, filepath.Join(trainedModel, "tokenizer.json"), &file)
	file["post_processor"] = json.RawMessage(`{"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<|endoftext|>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
		"pair": [], "special_tokens": {"<|endoftext|>": {"id": "<|endoftext|>", "ids": [0], "tokens": ["<|endoftext|>"]}}}`)
	return asJSON(t, file)
}

func TestHowPromptsBegin(t *testing.T) {
	const config = "tokenizer_config.json"
	template := withTemplate(t)
	for _, c := range []struct {
		rule  string
		files map[string]string
		bos   Switch
		first bool   // token 0 comes first
		fault string // or this
	}{
		{"the shipped model has no first token", nil, AsFiled, false, ""},
		{"add_bos_token puts it first", map[string]string{config: `{"add_bos_token": true, "bos_token": "<|endoftext|>"}`}, AsFiled, true, ""},
		{"a switch is true or false", map[string]string{config: `{"add_bos_token": "yes"}`}, AsFiled, false, `tokenizer_config.json: field "add_bos_token": string, want true or false`},
		{"bos_token may be an object", map[string]string{config: `{"add_bos_token": true, "bos_token": {"content": "<|endoftext|>"}}`}, AsFiled, true, ""},
		{"the flag overrules add_bos_token", map[string]string{config: `{"add_bos_token": true, "bos_token": "<|endoftext|>"}`}, Off, false, ""},
		{"and turns it on", map[string]string{config: `{"add_bos_token": false, "bos_token": "<|endoftext|>"}`}, On, true, ""},
		{"without a word the post-processor decides", map[string]string{config: `{}`, "tokenizer.json": template}, AsFiled, true, ""},
		{"also without the file", map[string]string{config: "", "tokenizer.json": template}, AsFiled, true, ""},
		{"a word overrules the post-processor", map[string]string{config: `{"add_bos_token": false}`, "tokenizer.json": template}, AsFiled, false, ""},
		{"a first token needs a name", nil, On, false, `tokenizer_config.json: field "bos_token" names no token`},
		{"which the tokenizer knows", map[string]string{config: `{"bos_token": "<s>"}`}, On, false, `token "<s>" is not among`},
		{"and is a text", map[string]string{config: `{"bos_token": 5}`}, On, false, `field "bos_token": number, want a text`},
		{"prompts have no last token", map[string]string{config: `{"add_bos_token": false, "add_eos_token": true}`}, AsFiled, false, `tokenizer_config.json: field "add_eos_token" is true`},
		{"whatever the file says, if the flag does", map[string]string{config: `{"add_eos_token": true, "bos_token": "<|endoftext|>"}`}, On, true, ""},
		{"the file is JSON", map[string]string{config: `{`}, AsFiled, false, "tokenizer_config.json: not JSON"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			onEngines(t, modelWith(t, c.files), 2, func(e *Engine) error {
				requests, err := e.Prompt("func main", Prompts{BOS: c.bos})
				if c.fault != "" {
					if err == nil || !strings.Contains(err.Error(), c.fault) {
						t.Errorf("%v, want %s", err, c.fault)
					}
					return nil
				}
				if err != nil {
					return err
				}
				want := []int32{607, 2541}
				if c.first {
					want = []int32{0, 607, 2541}
				}
				if !slices.Equal(requests[0].Tokens, want) {
					t.Errorf("tokens %v, want %v", requests[0].Tokens, want)
				}
				return nil
			})
		})
	}
}

func TestWhatEndsTexts(t *testing.T) {
	const name = "generation_config.json"
	config := func(eos string) string {
		return strings.Replace(modelConfig(t), `"eos_token_id": 0`, `"eos_token_id": `+eos, 1)
	}
	for _, c := range []struct {
		rule  string
		files map[string]string
		want  []int32
		note  string // or part of it
		fault string
	}{
		{"generation_config.json says it", map[string]string{name: `{"eos_token_id": 9}`}, []int32{9}, "", ""},
		{"it may be several", map[string]string{name: `{"eos_token_id": [9, 11]}`}, []int32{9, 11}, "", ""},
		{"or none", map[string]string{name: `{"eos_token_id": []}`}, nil, "", ""},
		{"else config.json", map[string]string{name: `{"eos_token_id": null}`}, []int32{0}, "", ""},
		{"also without the file", map[string]string{name: ""}, []int32{0}, "", ""},
		{"ids are numbers", map[string]string{name: `{"eos_token_id": "x"}`}, nil, "", `generation_config.json: field "eos_token_id" is "x"`},
		{"none of them null", map[string]string{name: `{"eos_token_id": [9, null]}`}, nil, "", `generation_config.json: field "eos_token_id" is [9, null]`},
		{"the last of the vocabulary is one", map[string]string{name: `{"eos_token_id": 4095}`}, []int32{4095}, "", ""},
		{"one behind it ends nothing", map[string]string{name: `{"eos_token_id": [9, 4096, -1]}`}, []int32{9}, `generation_config.json: field "eos_token_id": [4096 -1] end no text: the vocabulary is 0 to 4095`, ""},
		{"nor one of config.json", map[string]string{name: "", "config.json": config("50279")}, nil, `config.json: field "eos_token_id": [50279] end no text: the vocabulary is 0 to 4095`, ""},
		{"of any size", map[string]string{name: "", "config.json": config("4294967296")}, nil, "[4294967296] end no text", ""},
	} {
		onEngines(t, modelWith(t, c.files), 1, func(e *Engine) error {
			got, note, err := e.ends()
			if !slices.Equal(got, c.want) || !strings.Contains(note, c.note) || (note == "") != (c.note == "") || c.fault == "" && err != nil || c.fault != "" && (err == nil || !strings.Contains(err.Error(), c.fault)) {
				t.Errorf("%s: %v, %q, %v; want %v %s%s", c.rule, got, note, err, c.want, c.note, c.fault)
			}
			return nil
		})
	}
}

// modelConfig is the trained model's config.json.
func modelConfig(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(trainedModel, "config.json"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
