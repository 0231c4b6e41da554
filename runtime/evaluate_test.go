package runtime

import (
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func idsUpTo(n int) []int32 {
	ids := make([]int32, n)
	for i := range ids {
		ids[i] = int32(i)
	}
	return ids
}

// Windows follow each other through the text without gaps; only a single token at the
// end is left out.
func TestWindows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := idsUpTo(rapid.IntRange(0, 100).Draw(t, "tokens"))
		v := Evaluation{Window: rapid.IntRange(2, 20).Draw(t, "window"), MaxTokens: rapid.SampledFrom([]int{0, 2, 3, 50, 1000}).Draw(t, "most")}
		used := len(text)
		if v.MaxTokens > 0 {
			used = min(used, v.MaxTokens)
		}
		windows := v.windows(text)
		joined := slices.Concat(windows...)
		if left := used - len(joined); left < 0 || left > 1 || left == 1 && used%v.Window != 1 {
			t.Fatalf("%d of %d tokens in windows of %d", len(joined), used, v.Window)
		}
		if !slices.Equal(joined, text[:len(joined)]) {
			t.Fatalf("windows %v do not follow each other", windows)
		}
		for i, w := range windows {
			if len(w) < 2 || i < len(windows)-1 && len(w) != v.Window || len(w) > v.Window {
				t.Fatalf("window %d of %d has %d tokens, want %d", i, len(windows), len(w), v.Window)
			}
		}
	})
}

func TestEvaluationValidate(t *testing.T) {
	for _, c := range []struct {
		rule string
		v    Evaluation
		want []string // in the error, nil: no error
	}{
		{"all of a text is fine", Evaluation{Window: 2, Batch: 1}, nil},
		{"two tokens of a text are fine", Evaluation{Window: 256, Batch: 8, MaxTokens: 2}, nil},
		{"a window of one token predicts nothing", Evaluation{Window: 1, Batch: 8}, []string{"window of 1 tokens", "2 or more"}},
		{"a step has a window", Evaluation{Window: 2}, []string{"batch of 0 windows", "1 or more"}},
		{"one token predicts nothing", Evaluation{Window: 2, Batch: 1, MaxTokens: 1}, []string{"max tokens 1", "2 or more"}},
		{"tokens are not negative", Evaluation{Window: 2, Batch: 1, MaxTokens: -5}, []string{"max tokens -5"}},
		{"faults come together", Evaluation{Window: -1, Batch: -2, MaxTokens: -3}, []string{"window of -1", "batch of -2", "max tokens -3"}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			err := c.v.Validate()
			if (err == nil) != (c.want == nil) {
				t.Fatalf("error %v, want %q", err, c.want)
			}
			for _, text := range c.want {
				if !strings.Contains(err.Error(), text) {
					t.Errorf("error %q is silent about %q", err, text)
				}
			}
		})
	}
}

// Probabilities add up to one, and huge logits do no harm.
func TestLogProb(t *testing.T) {
	for _, c := range []struct {
		rule   string
		logits []float32
		id     int32
		want   float64
	}{
		{"equal logits share", []float32{3, 3, 3, 3}, 2, math.Log(0.25)},
		{"one token is certain", []float32{7}, 0, 0},
		{"the odds are the difference", []float32{0, float32(math.Log(3))}, 0, math.Log(0.25)},
		{"huge logits do not overflow", []float32{3e38, 3e38}, 1, math.Log(0.5)},
		{"the impossible is impossible", []float32{0, float32(math.Inf(-1))}, 1, math.Inf(-1)},
	} {
		t.Run(c.rule, func(t *testing.T) {
			if got := logProb(c.logits, c.id); got != c.want && !(math.Abs(got-c.want) < 1e-6) {
				t.Errorf("log p = %v, want %v", got, c.want)
			}
		})
	}
}

// A perplexity that is no number is a fault of the window that spoiled it.
func TestFinite(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, c := range []struct {
		rule       string
		perplexity float64
		losses     []float64
		want       string // in the error, "": no error
	}{
		{"a number is fine", 65.97, []float64{4, 5}, ""},
		{"a NaN is found", nan, []float64{4, nan, 5}, "window 1 of 3 is NaN"},
		{"an infinity is found", inf, []float64{4, 5, inf}, "window 2 of 3 is +Inf"},
		{"a sum that is too large blames the largest", inf, []float64{4, 1e9, 5}, "perplexity is +Inf: the loss of window 1 of 3 is 1e+09"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			err := finite(c.perplexity, c.losses)
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}
