package runtime

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// Sampling says how the next token is chosen from logits: they are divided by the
// temperature; of the softmax the TopK most likely stay; of these the fewest most
// likely whose share reaches TopP stay; one of those is drawn. The order is that of
// Hugging Face's generation.
type Sampling struct {
	Temperature float64 `json:"temperature"` // 0: the most likely token, always
	TopK        int     `json:"top_k"`       // 0: all
	TopP        float64 `json:"top_p"`       // above 0, to 1: all
	Seed        uint64  `json:"seed"`
	Stream      uint64  `json:"stream"` // tells requests of one seed apart
}

// Validate reports every fault of the settings.
func (s Sampling) Validate() error {
	var faults []error
	if !(s.Temperature >= 0 && s.Temperature <= math.MaxFloat32) {
		faults = append(faults, fmt.Errorf("temperature %v, want 0 or more, at most %v", s.Temperature, math.MaxFloat32))
	}
	if s.TopK < 0 {
		faults = append(faults, fmt.Errorf("top_k %d, want 1 or more, or 0 for all", s.TopK))
	}
	if !(s.TopP > 0 && s.TopP <= 1) {
		faults = append(faults, fmt.Errorf("top_p %v, want more than 0, at most 1", s.TopP))
	}
	return errors.Join(faults...)
}

// sampler draws the tokens of one request. The same logits give the same tokens.
type sampler struct {
	Sampling
	random *rand.Rand
	likely []candidate
}

// candidate is a token that may be drawn.
type candidate struct {
	id    int32
	logit float32
	share float64 // of the softmax, not yet divided by the sum
}

// byRank puts the most likely first, and of equals the lowest id.
func byRank(a, b candidate) int {
	return cmp.Or(cmp.Compare(b.logit, a.logit), cmp.Compare(a.id, b.id))
}

func newSampler(s Sampling) *sampler {
	return &sampler{Sampling: s, random: rand.New(rand.NewPCG(s.Seed, s.Stream))}
}

var errNotFinite = errors.New("a logit is not finite")

// next chooses a token from logits [V]. Among equals it prefers the lowest id.
func (s *sampler) next(logits []float32) (int32, error) {
	best := 0
	for id, v := range logits {
		if v-v != 0 {
			return 0, fmt.Errorf("%w: %v (token id %d of %d)", errNotFinite, v, id, len(logits))
		}
		if v > logits[best] {
			best = id
		}
	}
	if s.Temperature == 0 {
		return int32(best), nil
	}
	s.likely = s.likely[:0]
	for id, v := range logits {
		s.likely = append(s.likely, candidate{id: int32(id), logit: v})
	}
	if s.TopK > 0 && s.TopK < len(s.likely) {
		s.best(s.TopK)
	}
	for i := range s.likely {
		c := &s.likely[i]
		c.share = math.Exp(float64(c.logit-logits[best]) / s.Temperature)
	}
	if s.TopP < 1 {
		s.nucleus()
	}
	return s.draw(), nil
}

// fewCandidates is how many of a vocabulary are better inserted one by one than sorted.
const fewCandidates = 1024

// best keeps the k most likely.
func (s *sampler) best(k int) {
	if k > fewCandidates {
		slices.SortFunc(s.likely, byRank)
		s.likely = s.likely[:k]
		return
	}
	kept := s.likely[:0]
	for _, c := range s.likely {
		if len(kept) == k {
			if byRank(c, kept[k-1]) > 0 {
				continue
			}
			kept = kept[:k-1]
		}
		at, _ := slices.BinarySearchFunc(kept, c, byRank)
		kept = slices.Insert(kept, at, c)
	}
	s.likely = kept
}

// sum is of the shares.
func (s *sampler) sum() (sum float64) {
	for _, c := range s.likely {
		sum += c.share
	}
	return sum
}

// nucleus keeps the most likely tokens whose shares reach TopP of the sum. Those of
// less than (1-TopP)/n of it cannot be among them, so they are left out before sorting.
func (s *sampler) nucleus() {
	sum := s.sum()
	least := (1 - s.TopP) * sum / float64(len(s.likely)) * (1 - 1e-9)
	s.likely = slices.DeleteFunc(s.likely, func(c candidate) bool { return c.share < least })
	slices.SortFunc(s.likely, byRank)
	reached := 0.0
	for i, c := range s.likely {
		if reached += c.share; reached >= s.TopP*sum {
			s.likely = s.likely[:i+1]
			return
		}
	}
}

// draw takes a token with the probability of its share.
func (s *sampler) draw() int32 {
	at := s.random.Float64() * s.sum()
	for _, c := range s.likely {
		if at -= c.share; at < 0 {
			return c.id
		}
	}
	return s.likely[len(s.likely)-1].id
}
