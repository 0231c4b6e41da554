package tokenizer

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

type fields = map[string]json.RawMessage

func raw(text string) json.RawMessage { return json.RawMessage(text) }

func TestBadModels(t *testing.T) {
	tests := []struct {
		rule  string
		model fields
		want  string
	}{
		{"only BPE is known", fields{"type": raw(`"Unigram"`)}, `model: type "Unigram" is not supported`},
		{"a field that is not known may matter", fields{"shiny": raw(`1`)}, `model.shiny: this field is not supported`},
		{"dropout is random", fields{"dropout": raw(`0.1`)}, `model.dropout: 0.1 is not supported`},
		{"prefixes of subwords", fields{"continuing_subword_prefix": raw(`"##"`)}, `model.continuing_subword_prefix: "##" is not supported`},
		{"suffixes of words", fields{"end_of_word_suffix": raw(`"</w>"`)}, `model.end_of_word_suffix: "</w>" is not supported`},
		{"a vocabulary there must be", fields{"vocab": raw(`null`)}, `model: vocab is missing`},
		{"ids are not negative", fields{"vocab": raw(`{"a": 0, "b": -3}`)}, `model.vocab: token "b" has id -3, want 0 to 16777215`},
		{"nor huge", fields{"vocab": raw(`{"a": 4000000000}`)}, `model.vocab: token "a" has id 4000000000, want 0 to 16777215`},
		{"nor beyond 64 bits", fields{"vocab": raw(`{"a": 1e30}`)}, `model.vocab: holds a JSON number 1e30, want whole number`},
		{"nor fractions", fields{"vocab": raw(`{"a": 0.5}`)}, `model.vocab: holds a JSON number 0.5, want whole number`},
		{"nor shared", fields{"vocab": raw(`{"b": 1, "a": 1}`)}, `model.vocab: tokens "a" and "b" both have id 1`},
		{"the vocabulary is an object", fields{"vocab": raw(`["a"]`)}, `model.vocab: holds a JSON array, want object`},
		{"merges are of tokens", fields{"merges": raw(`["h e", "e qq"]`)}, `model.merges[1]: token "qq" is not in the vocabulary of 288`},
		{"and make one", fields{"merges": raw(`[["h", "e"], ["q", "Q"]]`)}, `model.merges[1]: token "qQ" is not in the vocabulary of 288`},
		{"of two parts", fields{"merges": raw(`["h e l"]`)}, `model: merge "h e l" has 3 parts, want 2`},
		{"in either form", fields{"merges": raw(`[["h"]]`)}, `model: merge ["h"] has 1 parts, want 2`},
		{"merges are texts", fields{"merges": raw(`[7]`)}, `model.merges: holds a JSON number, want array`},
	}
	for _, test := range tests {
		t.Run(test.rule, func(t *testing.T) {
			wantFault(t, change(t, "bytelevel", nil, test.model), test.want)
		})
	}
}

// wantFault checks that Parse gives one line that starts with "tokenizer: ".
func wantFault(t *testing.T, data []byte, want string) {
	t.Helper()
	tok, err := Parse(data)
	if tok != nil || err == nil || err.Error() != "tokenizer: "+want {
		t.Fatalf("got  %v\nwant tokenizer: %s", err, want)
	}
	if _, ok := errors.AsType[*Error](err); !ok {
		t.Errorf("%v is a %T, want an *Error", err, err)
	}
	if unsupported := strings.Contains(want, "not supported"); errors.Is(err, ErrUnsupported) != unsupported {
		t.Errorf("%v is ErrUnsupported: %v, want %v", err, !unsupported, unsupported)
	}
}

func TestBadParts(t *testing.T) {
	tests := []struct {
		rule string
		set  fields
		want string
	}{
		{"a version there has not been", fields{"version": raw(`"2.0"`)}, `version: "2.0" is not supported, want "1.0"`},
		{"an unknown field", fields{"role_to_token": raw(`{}`)}, `role_to_token: this field is not supported`},
		{"no model", fields{"model": raw(`null`)}, `model is missing`},
		{"a part that is no object", fields{"normalizer": raw(`"NFC"`)}, `normalizer: holds a JSON string, want object`},
		{"a part without a type", fields{"normalizer": raw(`{}`)}, `normalizer: type is missing`},
		{"an unknown normalizer", fields{"normalizer": raw(`{"type": "Nmt"}`)}, `normalizer: type "Nmt" is not supported`},
		{"an unknown normalizer in a Sequence", fields{"normalizer": raw(`{"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "Precompiled"}]}`)},
			`normalizer.normalizers[1]: type "Precompiled" is not supported`},
		{"an unknown option", fields{"normalizer": raw(`{"type": "NFC", "fast": true}`)}, `normalizer.fast: this field is not supported`},
		{"a group in what replaces", fields{"normalizer": raw(`{"type": "Replace", "pattern": {"Regex": "(a)"}, "content": "$1"}`)},
			`normalizer.content: "$1" for a Regex is not supported`},
		{"an empty string to replace", fields{"normalizer": raw(`{"type": "Replace", "pattern": {"String": ""}, "content": "x"}`)},
			`normalizer.pattern: an empty string is not supported`},
		{"an unknown pre-tokenizer", fields{"pre_tokenizer": raw(`{"type": "Punctuation"}`)}, `pre_tokenizer: type "Punctuation" is not supported`},
		{"a missing option", fields{"pre_tokenizer": raw(`{"type": "Split", "pattern": {"String": "a"}, "behavior": "Isolated"}`)}, `pre_tokenizer: invert is missing`},
		{"an unknown behavior", fields{"pre_tokenizer": raw(`{"type": "Split", "pattern": {"String": "a"}, "behavior": "Random", "invert": false}`)},
			`pre_tokenizer.behavior: "Random" is not supported`},
		{"an unknown kind of pattern", fields{"pre_tokenizer": raw(`{"type": "Split", "pattern": {"Glob": "a"}, "behavior": "Isolated", "invert": false}`)},
			`pre_tokenizer.pattern.Glob: this field is not supported`},
		{"no pattern", fields{"pre_tokenizer": raw(`{"type": "Split", "pattern": {}, "behavior": "Isolated", "invert": false}`)},
			`pre_tokenizer.pattern: has 0 of String and Regex, want one`},
		{"two patterns", fields{"pre_tokenizer": raw(`{"type": "Split", "pattern": {"Regex": "a", "String": "b"}, "behavior": "Isolated", "invert": false}`)},
			`pre_tokenizer.pattern: has 2 of String and Regex, want one`},
		{"a pattern that means something else here", fields{"pre_tokenizer": raw(`{"type": "Sequence", "pretokenizers": [{"type": "Split", "pattern": {"Regex": "[a&&b]"}, "behavior": "Isolated", "invert": false}]}`)},
			`pre_tokenizer.pretokenizers[0].pattern: pattern "[a&&b]": && in a class is not supported`},
		{"a mark of two characters", fields{"pre_tokenizer": raw(`{"type": "Metaspace", "replacement": "__"}`)}, `pre_tokenizer.replacement: "__" has 2 characters, want 1`},
		{"an unknown scheme", fields{"pre_tokenizer": raw(`{"type": "Metaspace", "replacement": "_", "prepend_scheme": "last"}`)}, `pre_tokenizer.prepend_scheme: "last" is not supported`},
		{"two schemes", fields{"pre_tokenizer": raw(`{"type": "Metaspace", "replacement": "_", "prepend_scheme": "first", "add_prefix_space": false}`)},
			`pre_tokenizer: add_prefix_space is false, but prepend_scheme "first"`},
		{"the first of what was cut", fields{"pre_tokenizer": raw(`{"type": "Sequence", "pretokenizers": [{"type": "Whitespace"}, {"type": "Metaspace", "replacement": "_", "prepend_scheme": "first"}]}`)},
			`pre_tokenizer.pretokenizers[1].prepend_scheme: "first" behind another pre-tokenizer is not supported`},
		{"a Sequence of nothing known", fields{"pre_tokenizer": raw(`{"type": "Sequence"}`)}, `pre_tokenizer: pretokenizers is missing`},
		{"a null in a Sequence", fields{"pre_tokenizer": raw(`{"type": "Sequence", "pretokenizers": [null]}`)}, `pre_tokenizer.pretokenizers[0]: is null, want an object`},
		{"an unknown decoder", fields{"decoder": raw(`{"type": "WordPiece"}`)}, `decoder: type "WordPiece" is not supported`},
		{"a pattern in a decoder", fields{"decoder": raw(`{"type": "Replace", "pattern": {"Regex": "a"}, "content": "b"}`)}, `decoder.pattern: a Regex in a decoder is not supported`},
		{"a negative count", fields{"decoder": raw(`{"type": "Strip", "content": "a", "start": -1, "stop": 0}`)}, `decoder: start -1 and stop 0, want 0 or more`},
		{"two characters to strip", fields{"decoder": raw(`{"type": "Strip", "content": "ab", "start": 1, "stop": 0}`)}, `decoder.content: "ab" has 2 characters, want 1`},
		{"an unknown post-processor", fields{"post_processor": raw(`{"type": "BertProcessing"}`)}, `post_processor: type "BertProcessing" is not supported`},
		{"a template with an unknown token", fields{"post_processor": raw(`{"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}], "special_tokens": {}}`)},
			`post_processor.single[0]: token "<s>" is not among the 0 special_tokens`},
		{"a template with a huge id", fields{"post_processor": raw(`{"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "s", "type_id": 0}}], "special_tokens": {"s": {"id": "s", "ids": [99999999], "tokens": ["s"]}}}`)},
			`post_processor.single[0]: token "s" has id 99999999, want 0 to 16777215`},
		{"a template of a second text", fields{"post_processor": raw(`{"type": "TemplateProcessing", "single": [{"Sequence": {"id": "B", "type_id": 0}}], "special_tokens": {}}`)},
			`post_processor.single[0]: want a SpecialToken or Sequence A`},
		{"two templates", fields{"post_processor": raw(`{"type": "Sequence", "processors": [{"type": "TemplateProcessing", "single": [], "special_tokens": {}}, {"type": "TemplateProcessing", "single": [], "special_tokens": {}}]}`)},
			`post_processor.processors[1]: a second template is not supported`},
	}
	for _, test := range tests {
		t.Run(test.rule, func(t *testing.T) {
			wantFault(t, change(t, "bytelevel", test.set, nil), test.want)
		})
	}
}

func TestBadAddedTokens(t *testing.T) {
	const flags = `"single_word": false, "lstrip": false, "rstrip": false, "normalized": true, "special": false}`
	tests := []struct{ rule, list, want string }{
		{"all flags are there", `[{"id": 288, "content": "x y", "special": true}]`, `added_tokens[0]: normalized is missing`},
		{"ids are in range", `[{"id": -1, "content": "x y", ` + flags + `]`, `added_tokens[0]: token "x y" has id -1, want 0 to 16777215`},
		{"each has its own", `[{"id": 288, "content": "x y", ` + flags + `, {"id": 288, "content": "z w", ` + flags + `]`,
			`added_tokens[1]: tokens "x y" and "z w" both have id 288`},
		{"which no token of the vocabulary has", `[{"id": 5, "content": "x y", ` + flags + `]`, `added_tokens[0]: token "x y" has id 5, which is "Ą" in the vocabulary`},
		{"and which follows those before", `[{"id": 300, "content": "x y", ` + flags + `]`,
			`added_tokens[0]: token "x y" has id 300, by the vocabulary and the tokens before it 288`},
		{"but for the vocabulary's own", `[{"id": 288, "content": "hello", ` + flags + `]`,
			`added_tokens[0]: token "hello" has id 288, by the vocabulary and the tokens before it 268`},
		{"each once", `[{"id": 268, "content": "hello", ` + flags + `, {"id": 268, "content": "hello", ` + flags + `]`, `added_tokens[1]: token "hello" is listed twice`},
		{"not empty", `[{"id": 288, "content": "", ` + flags + `]`, `added_tokens[0]: token "" is or normalizes to nothing`},
		{"nor when normalized", `[{"id": 288, "content": "\n\n", ` + flags + `]`, `added_tokens[0]: token "\n\n" is or normalizes to nothing`},
		{"what is found is one token", `[{"id": 288, "content": "x y ", ` + flags + `, {"id": 289, "content": " x y", ` + flags + `]`,
			`added_tokens[1]: tokens "x y " and " x y" both normalize to "x y"`},
		{"a list", `{}`, `added_tokens: holds a JSON object, want array`},
	}
	for _, test := range tests {
		t.Run(test.rule, func(t *testing.T) {
			set := fields{"added_tokens": raw(test.list), "normalizer": raw(`{"type": "Strip", "strip_left": true, "strip_right": true}`)}
			wantFault(t, change(t, "bytelevel", set, nil), test.want)
		})
	}
}

func TestBadFiles(t *testing.T) {
	whole, err := os.ReadFile("testdata/bytelevel.json")
	if err != nil {
		t.Fatal(err)
	}
	wantFault(t, nil, "unexpected end of JSON input (at byte 0 of 0)")
	wantFault(t, []byte("[]"), "holds a JSON array, want object")
	wantFault(t, []byte("null"), "is null, want an object")
	wantFault(t, []byte(`{"version": "1.0", }`), "invalid character '}' looking for beginning of object key string (at byte 20 of 20)")
	wantFault(t, []byte("{\"version\": \"\xff\"}"), "not UTF-8: byte 0xff at offset 13 of 16")
	wantFault(t, whole[:1000], "unexpected end of JSON input (at byte 1000 of 1000)")

	path := filepath.Join(t.TempDir(), "tokenizer.json")
	if err := os.WriteFile(path, whole[:1000], 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = Load(path)
	if want := "tokenizer: " + path + ": unexpected end of JSON input (at byte 1000 of 1000)"; err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	_, err = Load(path + ".none")
	if want := "tokenizer: " + path + ".none: open: no such file or directory"; err == nil || err.Error() != want || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestOldFilesSayNoType(t *testing.T) {
	tok, err := Parse([]byte(`{"model": {"vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"]}}`))
	if err != nil {
		t.Fatal(err)
	}
	vector{"abba", []int32{2, 1, 0}}.check(t, tok, func(string) string { return "ab b a" })
	wantFault(t, []byte(`{"model": {"vocab": {"a": 0}}}`), "model: type is missing")
}

func TestUnknownTokenMustBeInVocabulary(t *testing.T) {
	tok := parseWith(t, "sentencepiece", nil, fields{"byte_fallback": raw("false"), "unk_token": raw(`"[UNK]"`)})
	_, err := tok.Encode("a日")
	if want := `tokenizer: encode: character "日" is not in the vocabulary of 322, nor is the unknown token "[UNK]"`; err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}
