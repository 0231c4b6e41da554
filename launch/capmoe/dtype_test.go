package main

import (
	"math"
	"testing"

	"capmoe/launch"
)

// In bf16 a run has the same perplexity, bit for bit, whatever the number of ranks, and nearly that of float32.
func TestEvalBF16SameBitsOnAnyRanks(t *testing.T) {
	flags := []string{"--max-tokens", "4096", "--policy", "reroute", "--gamma", "1"}
	exact := evaluate(t, alone, flags...)
	flags = append(flags, "--dtype", "bf16")
	want := evaluate(t, alone, flags...)
	if want.DType != "bf16" || exact.DType != "f32" {
		t.Errorf("the reports say %q and %q, want bf16 and f32", want.DType, exact.DType)
	}
	if want.Perplexity == exact.Perplexity || !near(want.Perplexity, exact.Perplexity, 0.01) {
		t.Errorf("perplexity %v in bf16, %v in f32", want.Perplexity, exact.Perplexity)
	}
	for _, ranks := range []int{1, 2, 3, 4} {
		got := evaluate(t, ranks, flags...)
		if math.Float64bits(got.Perplexity) != math.Float64bits(want.Perplexity) {
			t.Errorf("perplexity %v on %d ranks, %v on one", got.Perplexity, ranks, want.Perplexity)
		}
	}
}

func TestBenchGemmFaults(t *testing.T) {
	for _, c := range []struct {
		rule  string
		flags []string
		texts []string
	}{
		{"the shape is known", []string{"--shape", "gpt"}, []string{`--shape "gpt"`, "olmoe", "mixtral"}},
		{"the dtype is known", []string{"--dtype", "fp8"}, []string{`dtype "fp8"`, "f32 or bf16"}},
		{"there are rows", []string{"--rows", "8,0"}, []string{"--rows [8 0]", "1 or more"}},
		{"there are repeats", []string{"--repeats", "0"}, []string{"--repeats 0"}},
		{"threads are not negative", []string{"--threads", "-1"}, []string{"--threads -1"}},
		{"rows are not absurd", []string{"--rows", "8,9223372036854775807"}, []string{"--rows 9223372036854775807", "at most 16777216"}},
		{"repeats are not absurd", []string{"--repeats", "9223372036854775807"}, []string{"--repeats 9223372036854775807", "at most 65536"}},
		{"threads are not absurd", []string{"--threads", "1000000"}, []string{"--threads 1000000", "at most 4096"}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			checkFault(t, capmoe(alone, append([]string{"bench", "gemm"}, c.flags...)...), launch.ExitUsage, c.texts...)
		})
	}
}
