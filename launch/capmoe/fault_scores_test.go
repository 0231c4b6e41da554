package main

import (
	"math"
	"path/filepath"
	"testing"

	"capmoe/launch"
	"capmoe/runtime/checkpoint"
)

// writeScores writes a tensor of scores to a file of its own.
func writeScores(t *testing.T, shape []int, values ...float32) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "scores.safetensors")
	w, err := checkpoint.Create(path, nil, []checkpoint.Spec{{Name: "scores", DType: checkpoint.F32, Shape: shape}})
	if err == nil {
		err = w.AppendFloat32("scores", values)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// Scores that no plan can be made of, or none that means anything, are named with their place.
func TestScoresFaults(t *testing.T) {
	nan := float32(math.NaN())
	for _, c := range []struct {
		rule   string
		shape  []int
		values []float32
		flags  []string
		texts  []string
	}{
		{"scores have tokens and experts", []int{4}, []float32{1, 0, 0, 1}, nil, []string{"shape [4]", "2 dimensions [T, E]"}},
		{"there are experts", []int{4, 0}, nil, nil, []string{"shape [4 0]", "at least 1 expert"}},
		{"a token chooses among the experts", []int{2, 2}, []float32{1, 0, 0, 1}, []string{"--topk", "3"}, []string{"top k 3", "1 to the 2 experts"}},
		{"a score is a number", []int{2, 2}, []float32{1, 0, nan, 1}, nil, []string{"element 2 [1 0] is NaN"}},
		{"a score is not negative", []int{2, 2}, []float32{1, 0, 0, -0.5}, nil, []string{"token 1, expert 1: score -0.5", "0 or more", "--input logits"}},
		{"a logit is a number", []int{2, 2}, []float32{1, 0, nan, -9}, []string{"--input", "logits"}, []string{"element 2 [1 0] is NaN"}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			path := writeScores(t, c.shape, c.values...)
			for _, ranks := range faultRanks {
				args := append([]string{"plan", "--scores", path, "--topk", "1", "--gamma", "1"}, c.flags...)
				checkFault(t, capmoe(ranks, args...), launch.ExitFailed, append(c.texts, path)...)
			}
		})
	}
}
