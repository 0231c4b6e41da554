package runtime

import (
	"errors"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// frequencies is how often each token is drawn of n times.
func frequencies(t *testing.T, s Sampling, logits []float32, n int) []float64 {
	t.Helper()
	shares := make([]float64, len(logits))
	sampler := newSampler(s)
	for range n {
		id, err := sampler.next(logits)
		if err != nil {
			t.Fatal(err)
		}
		shares[id]++
	}
	for id := range shares {
		shares[id] /= float64(n)
	}
	return shares
}

func TestSampling(t *testing.T) {
	share := func(p ...float64) (logits []float32) {
		for _, v := range p {
			logits = append(logits, float32(math.Log(v)))
		}
		return logits
	}
	logits := share(0.1, 0.4, 0.2, 0.3)
	for _, c := range []struct {
		rule     string
		sampling Sampling
		want     []float64
	}{
		{"greedy is the most likely", Sampling{TopP: 1}, []float64{0, 1, 0, 0}},
		{"temperature 1 is the softmax", Sampling{Temperature: 1, TopP: 1}, []float64{0.1, 0.4, 0.2, 0.3}},
		{"temperature 1/2 squares the shares", Sampling{Temperature: 0.5, TopP: 1}, []float64{1. / 30, 16. / 30, 4. / 30, 9. / 30}},
		{"top k keeps the k most likely", Sampling{Temperature: 1, TopP: 1, TopK: 2}, []float64{0, 4. / 7, 0, 3. / 7}},
		{"top k of all is all", Sampling{Temperature: 1, TopP: 1, TopK: 4}, []float64{0.1, 0.4, 0.2, 0.3}},
		{"top p keeps those that reach it", Sampling{Temperature: 1, TopP: 0.65}, []float64{0, 4. / 7, 0, 3. / 7}},
		{"the one that reaches it is among them", Sampling{Temperature: 1, TopP: 0.75}, []float64{0, 4. / 9, 2. / 9, 3. / 9}},
		{"a small top p is greedy", Sampling{Temperature: 1, TopP: 0.01}, []float64{0, 1, 0, 0}},
		{"top p is of what top k keeps", Sampling{Temperature: 1, TopP: 0.55, TopK: 2}, []float64{0, 1, 0, 0}},
	} {
		c.sampling.Seed = 11
		const n = 20000
		for id, f := range frequencies(t, c.sampling, logits, n) {
			if p := c.want[id]; math.Abs(f-p) > 5*math.Sqrt(p*(1-p)/n) {
				t.Errorf("%s: token %d is drawn %.4f times, want %.4f", c.rule, id, f, p)
			}
		}
	}
}

// Among equals the lowest id is the most likely.
func TestGreedyPrefersTheLowestID(t *testing.T) {
	if id, _ := newSampler(Sampling{TopP: 1}).next([]float32{1, 3, 3, 2}); id != 1 {
		t.Errorf("token %d, want 1", id)
	}
	if f := frequencies(t, Sampling{Temperature: 1, TopP: 1, TopK: 1}, []float32{1, 3, 3, 2}, 100); f[1] != 1 {
		t.Errorf("top k 1: frequencies %v, want token 1 only", f)
	}
}

func TestSamplesFollowSeedAndStream(t *testing.T) {
	logits := make([]float32, 50)
	draw := func(seed, stream uint64) (ids []int32) {
		s := newSampler(Sampling{Temperature: 1, TopP: 1, Seed: seed, Stream: stream})
		for range 20 {
			id, _ := s.next(logits)
			ids = append(ids, id)
		}
		return ids
	}
	if !slices.Equal(draw(1, 2), draw(1, 2)) {
		t.Error("the same seed and stream give different tokens")
	}
	if slices.Equal(draw(1, 2), draw(1, 3)) || slices.Equal(draw(1, 2), draw(2, 2)) {
		t.Error("another seed or stream gives the same tokens")
	}
}

func TestLogitsAreFinite(t *testing.T) {
	for _, temperature := range []float64{0, 1} {
		for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
			_, err := newSampler(Sampling{Temperature: temperature, TopP: 1}).next([]float32{0, float32(v)})
			if !errors.Is(err, errNotFinite) {
				t.Errorf("temperature %v, logit %v: %v", temperature, v, err)
			}
		}
	}
}

// The most likely are the same whether they are inserted or sorted.
func TestBestEqualsSorting(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		logits := rapid.SliceOfN(rapid.Float32Range(-2, 2), 1, 60).Draw(t, "logits")
		for i := range logits {
			logits[i] = float32(math.Round(float64(logits[i]) * 4)) // equals among them
		}
		s := &sampler{}
		for id, v := range logits {
			s.likely = append(s.likely, candidate{id: int32(id), logit: v})
		}
		want := slices.SortedFunc(slices.Values(s.likely), byRank)
		k := rapid.IntRange(1, len(logits)).Draw(t, "k")
		s.best(k)
		if !slices.Equal(s.likely, want[:k]) {
			t.Fatalf("the best %d of %v are %v, want %v", k, logits, s.likely, want[:k])
		}
	})
}
