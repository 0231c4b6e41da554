package main

import (
	"path/filepath"
	"testing"

	"capmoe/runtime/tokenizer"
)

// A line that is no text, or no list of ids, is refused, not read as another one.
func TestLinesToTokenize(t *testing.T) {
	tok, err := tokenizer.Load(filepath.Join(shippedModel, "tokenizer.json"))
	if err != nil {
		t.Fatal(err)
	}
	encode := func(line []byte) (any, error) { return encodeLine(tok, line, false) }
	decode := func(line []byte) (any, error) { return decodeLine(tok, line) }
	for _, c := range []struct {
		rule    string
		convert func([]byte) (any, error)
		line    string
		fault   string // none: the line is good
	}{
		{"a text is a string", encode, `"a"`, ""},
		{"a text may be empty", encode, `""`, ""},
		{"a text is UTF-8", encode, "\"a\xff\"", "not UTF-8: byte 0xff at offset 2 of 4"},
		{"a text is there", encode, "null", "null, want a JSON string"},
		{"a text is no list", encode, `["a"]`, "not a JSON string: array"},
		{"ids are a list", decode, "[1, 2]", ""},
		{"a list may be empty", decode, "[]", ""},
		{"a list is there", decode, "null", "null, want a JSON list of token ids"},
		{"an id is there", decode, "[1, null]", "position 1: null, want a token id"},
		{"an id is whole", decode, "[1.5]", "not a JSON list of token ids: number 1.5"},
		{"an id is not negative", decode, "[-1]", "id -1 is negative"},
		{"an id is the tokenizer's", decode, "[1, 4095, 4096]", "position 2: id 4096, the tokenizer's are 0 to 4095"},
	} {
		switch _, err := c.convert([]byte(c.line)); {
		case c.fault == "" && err != nil:
			t.Errorf("%s: %v", c.rule, err)
		case c.fault != "" && err == nil:
			t.Errorf("%s: %s is read, want %q", c.rule, c.line, c.fault)
		case c.fault != "":
			checkContains(t, err.Error(), c.fault)
		}
	}
}
