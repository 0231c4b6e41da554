package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"capmoe/runtime"
	"capmoe/runtime/checkpoint"
)

// logitsOf runs logits and returns the bytes of its file.
func logitsOf(t *testing.T, ranks int, model, tokens string, flags ...string) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "logits.safetensors")
	args := append([]string{"logits", "--model", model, "--tokens", tokens, "--out", path}, flags...)
	capmoe(ranks, args...).output(t)
	checkClean(t, filepath.Dir(path), "logits.safetensors")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// tokensFile writes sequences to a file of their own.
func tokensFile(t *testing.T, sequences [][]int32) string {
	t.Helper()
	text, err := json.Marshal(map[string]any{"sequences": sequences})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "tokens.json")
	writeFile(t, path, text)
	return path
}

// sameLogits runs logits on several numbers of ranks, whose files must not differ in
// a bit, and returns the path of the file.
func sameLogits(t *testing.T, model, tokens string, ranks []int, flags ...string) string {
	t.Helper()
	want := logitsOf(t, alone, model, tokens, flags...)
	for _, p := range ranks {
		if got := logitsOf(t, p, model, tokens, flags...); !bytes.Equal(got, want) {
			t.Errorf("the file of %d bytes on %d ranks is not that of %d bytes on one", len(got), p, len(want))
		}
	}
	path := filepath.Join(t.TempDir(), "logits.safetensors")
	writeFile(t, path, want)
	return path
}

// readLogits reads tensor logits.i, which has to be [len, vocab].
func readLogits(t *testing.T, file *checkpoint.File, i, length, vocab int) []float32 {
	t.Helper()
	values, shape := tensorOf(t, file, fmt.Sprintf("logits.%d", i))
	if !slices.Equal(shape, []int{length, vocab}) {
		t.Fatalf("sequence %d: shape %v, want [%d %d]", i, shape, length, vocab)
	}
	return values
}

func openFile(t *testing.T, path string) *checkpoint.File {
	t.Helper()
	file, err := checkpoint.OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	return file
}

// checkLogits compares with another implementation: float32 arithmetic in another
// order differs by up to 2e-4 + 1e-4 of the value.
func checkLogits(t *testing.T, sequence int, got, want []float32) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("sequence %d: %d logits, want %d", sequence, len(got), len(want))
	}
	for i, w := range want {
		if d := math.Abs(float64(got[i] - w)); !(d <= 2e-4+1e-4*math.Abs(float64(w))) {
			t.Fatalf("sequence %d: logit %d is %v, want %v", sequence, i, got[i], w)
		}
	}
}

// oddSequences has an empty sequence, one of a single token, and lengths that no
// number of ranks divides evenly.
func oddSequences(vocab, longest int) [][]int32 {
	var sequences [][]int32
	for i, n := range []int{5, 0, 1, longest, 17, 0, 2} {
		seq := make([]int32, n)
		for t := range seq {
			seq[t] = int32((t*t*31 + i*7 + 3) % vocab)
		}
		sequences = append(sequences, seq)
	}
	return sequences
}

// What a folder holds beside the model is told once, and changes nothing.
func TestTensorsBesideTheModel(t *testing.T) {
	tokens, m := tokensFile(t, oddSequences(smallVocab, 20)), newModel()
	want := logitsOf(t, alone, m.write(t), tokens)
	m.tensors["vision.norm.weight"], m.tensors["model.layers.2.mlp.gate.weight"] = m.tensors["model.norm.weight"], m.tensors["model.norm.weight"]
	dir := m.write(t)
	for _, ranks := range []int{alone, 3} {
		path := filepath.Join(t.TempDir(), "logits.safetensors")
		res := capmoe(ranks, "logits", "--model", dir, "--tokens", tokens, "--out", path).run(t)
		told := "capmoe: note: logits: " + dir + ": not read, for no part of the model: 2 tensors (model.layers.2.mlp.gate.weight, vision.norm.weight)\n"
		if res.code != 0 || res.stderr != told {
			t.Errorf("%d ranks: exit code %d, standard error %q, want %q", ranks, res.code, res.stderr, told)
		}
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d ranks: other logits than without (%v)", ranks, err)
		}
	}
}

// The shipped model gives the same bits on any number of ranks, capped or not, in one
// step or several, also on more ranks than sequences and where ranks do not divide
// the 32 experts.
func TestLogitsSameBitsOnAnyRanks(t *testing.T) {
	tokens := tokensFile(t, oddSequences(4096, 100))
	for _, flags := range [][]string{
		{},
		{"--batch", "2"},
		{"--policy", "drop", "--gamma", "1"},
		{"--policy", "reroute", "--gamma", "0.75", "--batch", "3"},
		{"--gamma", "1", "--moe-token-drop-policy", "last"},
		{"--gamma", "1", "--moe-token-drop-policy", "random", "--seed", "7"},
	} {
		t.Run(fmt.Sprint(flags), func(t *testing.T) {
			t.Parallel()
			file := openFile(t, sameLogits(t, shippedModel, tokens, []int{1, 3, 8}, flags...))
			for i, seq := range oddSequences(4096, 100) {
				for at, v := range readLogits(t, file, i, len(seq), 4096) {
					if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
						t.Fatalf("sequence %d: logit %d is %v", i, at, v)
					}
				}
			}
		})
	}
}

// A sequence's logits do not depend on what else is in the step.
func TestLogitsOfASequenceAlone(t *testing.T) {
	sequences := oddSequences(4096, 40)
	all := openFile(t, sameLogits(t, shippedModel, tokensFile(t, sequences), nil))
	const chosen = 3
	one := openFile(t, sameLogits(t, shippedModel, tokensFile(t, sequences[chosen:chosen+1]), []int{3}))
	want := readLogits(t, all, chosen, 40, 4096)
	for i, v := range readLogits(t, one, 0, 40, 4096) {
		if math.Float32bits(v) != math.Float32bits(want[i]) {
			t.Fatalf("logit %d is %v alone, %v among others", i, v, want[i])
		}
	}
}

// No sequences, or none with a token, is a file without logits.
func TestLogitsOfNothing(t *testing.T) {
	model := newModel().write(t)
	for _, sequences := range [][][]int32{{}, {{}}, {{}, {}, {}}} {
		file := openFile(t, sameLogits(t, model, tokensFile(t, sequences), []int{3}))
		if n := len(file.Names()); n != len(sequences) {
			t.Errorf("%d tensors for %d sequences", n, len(sequences))
		}
		for i := range sequences {
			readLogits(t, file, i, 0, smallVocab)
		}
	}
}

// The report of logits counts what went through the model.
func TestLogitsReport(t *testing.T) {
	tokens := tokensFile(t, [][]int32{{1, 2, 3}, {4, 5}})
	out := capmoe(2, "logits", "--model", shippedModel, "--tokens", tokens, "--out", os.DevNull, "--json", "-", "--batch", "1").output(t)
	r := parse[runtime.Report](t, out)
	if r.Ranks != 2 || r.Steps != 2 || r.Tokens != 5 || r.Routed != 5*4*4 || r.Kept != r.Routed {
		t.Errorf("%d ranks, %d steps, %d tokens, %d pairs routed, %d kept", r.Ranks, r.Steps, r.Tokens, r.Routed, r.Kept)
	}
}
