package tokenizer

import (
	"os"
	"path/filepath"
	"testing"
)

func BenchmarkEncode(b *testing.B) {
	text, err := os.ReadFile("../../examples/text/valid.txt")
	if err != nil {
		b.Fatal(err)
	}
	for name, path := range benchmarked(b) {
		tok := load(b, path)
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				if ids, err := tok.Encode(string(text)); err != nil || len(ids) == 0 {
					b.Fatal(len(ids), err)
				}
			}
		})
	}
}

func BenchmarkLoad(b *testing.B) {
	for name, path := range benchmarked(b) {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				load(b, path)
			}
		})
	}
}

// benchmarked are tokenizer.json files by name.
func benchmarked(b *testing.B) map[string]string {
	paths := map[string]string{"tiny": "../../examples/tiny-olmoe/tokenizer.json"}
	if dir := os.Getenv("CAPMOE_DATA"); dir != "" {
		for _, name := range []string{"gpt2", "olmoe_gptneox", "mistral_v1_hf", "qwen3", "deepseek_v3"} {
			paths[name] = filepath.Join(dir, "data", "tokenizers", name, "tokenizer.json")
		}
	}
	return paths
}
