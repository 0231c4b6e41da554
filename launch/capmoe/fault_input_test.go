package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"capmoe/launch"
)

// fileFault is a file that a run refuses, and what it says of it.
type fileFault struct {
	rule, text string
	texts      []string
}

// checkFileFaults gives each file to eval by a flag.
func checkFileFaults(t *testing.T, model, flag string, faults []fileFault) {
	for _, c := range faults {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "file")
			writeFile(t, path, []byte(c.text))
			for _, ranks := range faultRanks {
				checkFault(t, capmoe(ranks, "eval", "--model", model, flag, path), launch.ExitFailed, append(c.texts, path)...)
			}
		})
	}
}

// A text that no perplexity can be taken of is named, with what is wrong where.
func TestTextFaults(t *testing.T) {
	model := newModel().write(t)
	checkFileFaults(t, model, "--text", []fileFault{
		{"a text is not empty", "", []string{"0 bytes", "at least 2"}},
		{"a text has two tokens", "a", []string{"1 tokens", "at least 2"}},
		{"a text is UTF-8", "hello\xffthere", []string{"UTF-8", "0xff", "offset 5 of 11"}},
		{"a text does not end within a character", "hello \xe2\x82", []string{"UTF-8", "0xe2", "offset 6 of 8"}},
	})
	for _, c := range []struct{ rule, path, text string }{
		{"a text is there", "/missing", "no such file"},
		{"a text is no folder", os.TempDir(), "directory"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			for _, ranks := range faultRanks {
				checkFault(t, capmoe(ranks, "eval", "--model", model, "--text", c.path), launch.ExitFailed, c.path, c.text)
			}
		})
	}
}

// A file of questions that cannot be asked is named, with the place.
func TestTasksFaults(t *testing.T) {
	model := newModel().write(t)
	good := `{"context": "The cat", "choices": [" sat", " flew"], "gold": 0}` + "\n"
	checkFileFaults(t, model, "--tasks", []fileFault{
		{"there is a question", "\n\n", []string{"0 questions", "1 or more"}},
		{"a line is JSON", good + "\n{", []string{"line 3", "JSON"}},
		{"a line is UTF-8", good + "{\"context\": \"\xff\"}", []string{"line 2", "not UTF-8", "0xff", "offset 13 of 16"}},
		{"a line has whole characters", good + `{"context": "a\ud83d", "choices": [" b", " c"], "gold": 0}`, []string{"line 2", `\ud83d at offset 14`, "half of a character"}},
		{"the right choice is a whole number", `{"context": "a", "choices": [" b", " c"], "gold": 0.5}`, []string{"line 1", `field "gold": number 0.5, want a whole number`}},
		{"choices are a list", `{"context": "a", "choices": " b", "gold": 0}`, []string{"line 1", `field "choices": string, want a list`}},
		{"there is a choice", `{"context": "a", "choices": [" b"], "gold": 0}`, []string{"line 1", `"choices"`, "1 entries", "2 or more"}},
		{"the right choice is one of them", `{"context": "a", "choices": [" b", " c"], "gold": 2}`, []string{"line 1", `"gold" is 2`, "0 to 1"}},
		{"the right choice is known", `{"context": "a", "choices": [" b", " c"]}`, []string{"line 1", `"gold" is missing`}},
		{"a choice leaves room for a context", `{"context": "a", "choices": [" b", "` + strings.Repeat(" the", 70) + `"], "gold": 0}`, []string{"question 0, choice 1", "no context", "max_position_embeddings 64"}},
	})
}

// A file of tokens that is not what it should be is named, with the place.
func TestTokensFaults(t *testing.T) {
	model := newModel().write(t)
	long := `{"sequences": [[1], [` + strings.Repeat("1, ", 64) + `1]]}`
	for _, c := range []struct {
		rule  string
		json  string
		texts []string
	}{
		{"tokens are JSON", "1 2 3", []string{"not JSON", "byte 3"}},
		{"tokens are not empty", "", []string{"not JSON"}},
		{"tokens end with their object", `{"sequences": [[1]]} more`, []string{"not JSON", "byte 22"}},
		{"tokens are an object", "[[1, 2]]", []string{"array", "want an object"}},
		{"sequences are there", `{"Sequences": [[1]]}`, []string{`"sequences" is missing`}},
		{"sequences are a list", `{"sequences": null}`, []string{`"sequences"`, "null"}},
		{"a sequence is a list", `{"sequences": [[1], 2]}`, []string{"sequence 1", "number"}},
		{"an id is a whole number", `{"sequences": [[1, 2.5]]}`, []string{"sequence 0", "2.5"}},
		{"an id is a number", `{"sequences": [["1"]]}`, []string{"sequence 0", "string"}},
		{"an id is there", `{"sequences": [[1], [1, null]]}`, []string{"sequence 1", "token 1", "null"}},
		{"an id is not negative", `{"sequences": [[1], [1, 2, -7]]}`, []string{"sequence 1", "token 2", "-7", "4096"}},
		{"an id is in the vocabulary", `{"sequences": [[4096]]}`, []string{"sequence 0", "token 0", "id 4096", "vocab_size is 4096"}},
		{"an id is not absurd", `{"sequences": [[1000000000000]]}`, []string{"sequence 0", "token 0", "1000000000000"}},
		{"a sequence fits the model", long, []string{"sequence 1", "65 tokens", "max_position_embeddings is 64"}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			path := filepath.Join(dir, "tokens.json")
			writeFile(t, path, []byte(c.json))
			for _, ranks := range faultRanks {
				args := []string{"logits", "--model", model, "--tokens", path, "--out", filepath.Join(dir, "out")}
				checkFault(t, capmoe(ranks, args...), launch.ExitFailed, append(c.texts, path)...)
			}
			checkClean(t, dir, "tokens.json")
		})
	}
	t.Run("tokens are there", func(t *testing.T) {
		t.Parallel()
		for _, ranks := range faultRanks {
			args := []string{"logits", "--model", model, "--tokens", "/missing", "--out", filepath.Join(t.TempDir(), "out")}
			checkFault(t, capmoe(ranks, args...), launch.ExitFailed, "/missing", "no such file")
		}
	})
}

// A tokenizer that cannot be read ends the command before any text is.
func TestTokenizerFaults(t *testing.T) {
	for _, c := range []struct {
		rule  string
		spoil func(t *testing.T, path string)
		texts []string
	}{
		{"a tokenizer is there", func(*testing.T, string) {}, []string{"no such file"}},
		{"a tokenizer is JSON", func(t *testing.T, path string) { writeFile(t, path, []byte(`{"model": `)) }, []string{"unexpected end", "byte 10"}},
		{"a tokenizer has a model", func(t *testing.T, path string) { writeFile(t, path, []byte(`{"version": "1.0"}`)) }, []string{"model", "missing"}},
		{"a tokenizer is of a known kind", func(t *testing.T, path string) {
			writeFile(t, path, []byte(`{"model": {"type": "Oracle", "vocab": {}, "merges": []}}`))
		}, []string{"model", "Oracle"}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			model := newModel().write(t)
			path := filepath.Join(model, "tokenizer.json")
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			c.spoil(t, path)
			for _, ranks := range faultRanks {
				checkFault(t, capmoe(ranks, "eval", "--model", model, "--text", shippedText), launch.ExitFailed, append(c.texts, path)...)
			}
		})
	}
}
