package bench

import (
	"fmt"
	"time"

	"capmoe/collective"
	"capmoe/layers"
	"capmoe/runtime"
)

// PrefillReport is a stack of layers on prompts, each alone, its tokens spread over the ranks.
type PrefillReport struct {
	StackReport
	Results []PrefillResult `json:"results"`
}

// PrefillResult is one length of prompt.
type PrefillResult struct {
	Tokens int `json:"tokens"`
	Sample
	TokensPerSecond float64            `json:"tokens_per_second"` // median
	GFlops          float64            `json:"gflops"`            // products with weights, and of queries, keys and values, of all ranks
	Peak            float64            `json:"peak_gflops"`       // of one rank: products that caches hold, the fastest of each of some passes by turns with the prompts, their median
	OfPeak          float64            `json:"of_peak"`
	Floor           time.Duration      `json:"floor_ns"` // for the operations at the peak, or to read the weights once, whichever takes longer
	OfFloor         float64            `json:"floor_over_median"`
	Seconds         map[string]float64 `json:"seconds"` // per phase, wall time of the slowest rank, mean of the repeats
}

// Prefill measures prompts of each length, and tells how far it is. All ranks call it.
func Prefill(p runtime.Process, sc StackCase, lengths []int, told func(done, of int)) (*PrefillReport, error) {
	parts := &parts{of: stackParts + len(lengths), told: told}
	s, limits, err := newStack(p, sc, parts)
	if err != nil {
		return nil, err
	}
	defer s.free()
	s.memory.free() // the products have more use for it
	r := &PrefillReport{StackReport: *limits}
	for _, n := range lengths {
		result, err := s.prefill(n)
		if err != nil {
			return nil, err
		}
		busy := min(r.Ranks, layers.Pages(n))
		flops := s.gemmFlops(n) + s.attentionFlops(n)
		result.TokensPerSecond = float64(n) / result.Median.Seconds()
		result.GFlops = gflops(flops, result.Median)
		peak, reads := result.Peak*float64(r.Ranks), r.ReadBytes*float64(r.Ranks)
		result.OfPeak = result.GFlops / peak
		result.Floor = max(time.Duration(float64(flops)/peak), time.Duration(float64(s.weightBytes(s.hit(), busy))/reads*1e9))
		result.OfFloor = float64(result.Floor) / float64(result.Median)
		r.Results = append(r.Results, result)
		parts.next()
	}
	return r, nil
}

// prefill times whole prompts, by turns with products that caches hold, and verifies that the last has the same bits in pieces, with a cache.
func (s *stack) prefill(n int) (PrefillResult, error) {
	whole := s.prompt(n, 0, n, nil)
	var hidden []float32
	prompt := func() (err error) {
		hidden, err = s.model.Forward(whole)
		s.clock.stop()
		return err
	}
	if err := prompt(); err != nil {
		return PrefillResult{}, err
	}
	s.clock = phaseClock{}
	times, err := measureByTurns(s.proc.Comm, s.Repeats, prompt, s.peak.pass)
	if err != nil {
		return PrefillResult{}, err
	}
	result := PrefillResult{Tokens: n, Sample: times[0]}
	if result.Peak, err = s.peak.rate(s.proc.Comm); err != nil {
		return result, err
	}
	if result.Seconds, err = s.phases(s.Repeats + 1); err != nil { // they warm up once
		return result, err
	}
	if err := collective.Agree(s.proc.Comm, finite(hidden)); err != nil {
		return result, err
	}
	sum := sumBits(whole, hidden)
	pieces, err := s.inPieces(n)
	if err != nil {
		return result, err
	}
	sums := []uint64{sum, pieces}
	if err := collective.AllReduce(s.proc.Comm, collective.Sum, sums); err != nil {
		return result, err
	}
	if sums[0] != sums[1] {
		return result, fmt.Errorf("bench: prefill: a prompt of %d tokens has other bits in pieces: sums %x and %x", n, sums[0], sums[1])
	}
	return result, nil
}

// inPieces runs the prompt in some steps and returns the sum of its bits.
func (s *stack) inPieces(n int) (sum uint64, err error) {
	cache := s.pool.New()
	defer cache.Free()
	steps := min(3, layers.Pages(n))
	for i := range steps {
		b := s.prompt(n, layers.Border(n, steps, i), layers.Border(n, steps, i+1), cache)
		hidden, err := s.model.Forward(b)
		if err != nil {
			return 0, err
		}
		sum += sumBits(b, hidden)
	}
	s.clock.stop()
	return sum, nil
}

// prompt is this rank's part of tokens [first, end) of the prompt of n tokens.
func (s *stack) prompt(n, first, end int, cache *layers.Cache) layers.Batch {
	ids := make([]int32, n)
	state := uint32(n)
	for i := range ids {
		state = state*1664525 + 1013904223
		ids[i] = int32(state>>8) % stackVocab
	}
	b := layers.Batch{Starts: []int32{0}}
	if s.proc.Comm.Size() == 1 {
		b.Add(ids[first:end], first)
		b.Starts = append(b.Starts, int32(end-first))
		if cache != nil {
			b.Caches = []*layers.Cache{cache}
		}
		return b
	}
	spread := layers.Spread{Past: first, Pieces: runtime.Cut(end-first, 0, s.proc.Comm.Size()), Cache: cache}
	b.Spread = []layers.Spread{spread}
	for _, p := range spread.Pieces {
		if p.Rank == s.proc.Comm.Rank() {
			b.Add(ids[first+p.First:first+p.First+p.N], first+p.First)
		}
	}
	return b
}
