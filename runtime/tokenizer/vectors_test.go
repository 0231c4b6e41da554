package tokenizer

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"
)

// developmentData is the folder of data that is not in the repository.
func developmentData(t testing.TB) string {
	dir := os.Getenv("CAPMOE_DATA")
	if dir == "" {
		t.Skip("CAPMOE_DATA is not set: the tokenizers of released models and their vectors are left out")
	}
	return dir
}

func load(t testing.TB, path string) *Tokenizer {
	tok, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// vector is a text and its ids, from the library, without special tokens.
type vector struct {
	Text string  `json:"text"`
	IDs  []int32 `json:"ids"`
}

// check encodes and decodes v. What is decoded is the text, as want makes it.
func (v vector) check(t *testing.T, tok *Tokenizer, want func(string) string) {
	t.Helper()
	ids, err := tok.Encode(v.Text)
	if err != nil || !slices.Equal(ids, v.IDs) {
		t.Errorf("Encode(%q)\n got %v, %v\nwant %v", v.Text, ids, err, v.IDs)
	}
	text, err := tok.Decode(v.IDs)
	if err != nil || text != want(v.Text) {
		t.Errorf("Decode(%v)\n got %q, %v\nwant %q", v.IDs, text, err, want(v.Text))
	}
	if streamed := stream(t, tok.Stream(), v.IDs); streamed != text {
		t.Errorf("Stream(%v)\n got %q\nwant %q", v.IDs, streamed, text)
	}
}

// stream is all the texts that s gives for ids.
func stream(t testing.TB, s *Stream, ids []int32) string {
	t.Helper()
	var all strings.Builder
	for _, id := range ids {
		text, err := s.Push(id)
		if err != nil {
			t.Fatal(err)
		}
		all.WriteString(text)
	}
	return all.String() + s.Flush()
}

func same(text string) string { return text }

func TestVectorsOfReleasedModels(t *testing.T) {
	dir := filepath.Join(developmentData(t), "data", "tokenizers")
	files, err := filepath.Glob(filepath.Join(dir, "vectors", "*.jsonl"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files of vectors in %s, want some: %v", len(files), dir, err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".jsonl")
		t.Run(name, func(t *testing.T) {
			tok := load(t, filepath.Join(dir, name, "tokenizer.json"))
			want := same
			if name == "qwen3" || name == "olmoe_gptneox" {
				want = norm.NFC.String
			}
			vectors := readVectors(t, file)
			for _, v := range vectors {
				v.check(t, tok, want)
			}
			t.Logf("%d vectors, vocabulary of %d", len(vectors), tok.VocabSize())
		})
	}
}

func readVectors(t *testing.T, file string) []vector {
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var vectors []vector
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var v vector
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
			t.Fatal(err)
		}
		vectors = append(vectors, v)
	}
	if err := lines.Err(); err != nil || len(vectors) == 0 {
		t.Fatalf("%d vectors in %s: %v", len(vectors), file, err)
	}
	return vectors
}

func TestGoldenOfTinyModel(t *testing.T) {
	dir := filepath.Join(developmentData(t), "models", "tiny-olmoe")
	tok := load(t, filepath.Join(dir, "tokenizer.json"))
	var golden struct {
		Cases   []vector `json:"cases"`
		Special []vector `json:"with_special_tokens_in_text"`
	}
	readJSON(t, filepath.Join(dir, "tokenizer_golden.json"), &golden)
	if len(golden.Cases) != 100 || len(golden.Special) != 2 {
		t.Fatalf("%d and %d cases, want 100 and 2", len(golden.Cases), len(golden.Special))
	}
	for _, v := range slices.Concat(golden.Cases, golden.Special) {
		v.check(t, tok, same)
	}
}

func readJSON(t testing.TB, path string, dst any) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, dst); err != nil {
		t.Fatal(err)
	}
}
