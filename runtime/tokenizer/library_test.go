package tokenizer

import (
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

// variant is a file of testdata with some fields set otherwise, and what the
// tokenizers library (0.23.2) makes of texts with it.
type variant struct {
	Name  string                     `json:"name"`
	Base  string                     `json:"base"`
	Set   map[string]json.RawMessage `json:"set"`
	Model map[string]json.RawMessage `json:"model"`
	Cases []struct {
		vector
		Special  []int32 `json:"special"` // ids with special tokens, absent: IDs
		Decoded  string  `json:"decoded"` // of IDs
		Skipped  *string `json:"skipped"` // of Special, without special tokens, absent: Decoded
		Reversed *string `json:"reversed"`
	} `json:"cases"`
}

func TestEqualsLibrary(t *testing.T) {
	file, err := os.ReadFile("testdata/library.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(file)) {
		var v variant
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Fatal(err)
		}
		t.Run(v.Name, v.check)
	}
}

func (v variant) check(t *testing.T) {
	tok := parseWith(t, v.Base, v.Set, v.Model)
	for _, c := range v.Cases {
		c.vector.check(t, tok, func(string) string { return c.Decoded })
		if c.Special == nil {
			c.Special = c.IDs
		}
		if ids, err := tok.EncodeWithSpecial(c.Text); err != nil || !slices.Equal(ids, c.Special) {
			t.Errorf("EncodeWithSpecial(%q)\n got %v, %v\nwant %v", c.Text, ids, err, c.Special)
		}
		if c.Skipped == nil {
			c.Skipped = &c.Decoded
		}
		if text, err := tok.DecodeWithoutSpecial(c.Special); err != nil || text != *c.Skipped {
			t.Errorf("DecodeWithoutSpecial(%v)\n got %q, %v\nwant %q", c.Special, text, err, *c.Skipped)
		}
		if c.Reversed == nil {
			continue
		}
		slices.Reverse(c.IDs)
		if text := stream(t, tok.Stream(), c.IDs); text != *c.Reversed {
			t.Errorf("Stream(%v)\n got %q\nwant %q", c.IDs, text, *c.Reversed)
		}
	}
}

// parseWith parses a file of testdata with fields, and fields of its model, set
// otherwise.
func parseWith(t testing.TB, base string, set, model map[string]json.RawMessage) *Tokenizer {
	t.Helper()
	tok, err := Parse(change(t, base, set, model))
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

func change(t testing.TB, base string, set, model map[string]json.RawMessage) []byte {
	t.Helper()
	var file, part map[string]json.RawMessage
	readJSON(t, "testdata/"+base+".json", &file)
	maps.Copy(file, set)
	if len(model) > 0 {
		if err := json.Unmarshal(file["model"], &part); err != nil {
			t.Fatal(err)
		}
		maps.Copy(part, model)
		file["model"] = marshal(t, part)
	}
	return marshal(t, file)
}

func marshal(t testing.TB, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
