package bench

import (
	"fmt"
	"math"
	"slices"
	"time"

	"capmoe/collective"
	"capmoe/layers"
	"capmoe/runtime"
)

// DecodeCase is how sequences are continued, a token of each a step.
type DecodeCase struct {
	Batches []int // sequences of a step, over all ranks
	Context int   // tokens before the first step
}

// DecodeReport is a stack of layers where every sequence brings one token.
type DecodeReport struct {
	StackReport
	Context int            `json:"context_tokens"`
	Results []DecodeResult `json:"results"`
}

// DecodeResult is one number of sequences.
type DecodeResult struct {
	Batch int `json:"batch"`
	Sample
	TokensPerSecond float64            `json:"tokens_per_second"`     // median
	ColumnParallel  int                `json:"column_parallel_ranks"` // ranks of a node that share the products of dense matrices; 1: each makes its own
	Bytes           int                `json:"bytes_read"`            // weights of a step, keys and values, of all ranks, mean of the repeats
	BytesPerSecond  float64            `json:"bytes_per_second"`
	Reads           float64            `json:"read_bytes_per_second"` // of all ranks: the median of passes over memory by turns with the steps
	OfReads         float64            `json:"of_reads"`              // the median over the repeats, each with the pass behind it
	Floor           time.Duration      `json:"floor_ns"`              // were each product as long as reading its weights takes, or its operations at the peak, whichever takes longer, and ranks had equal shares
	OfFloor         float64            `json:"floor_over_median"`     // as of_reads
	Seconds         map[string]float64 `json:"seconds"`               // per phase, wall time of the slowest rank, mean of the repeats
}

// Decode measures steps of each number of sequences, and tells how far it is. All ranks call it.
func Decode(p runtime.Process, sc StackCase, dc DecodeCase, told func(done, of int)) (*DecodeReport, error) {
	parts := &parts{of: stackParts + len(dc.Batches), told: told}
	s, limits, err := newStack(p, sc, parts)
	if err != nil {
		return nil, err
	}
	defer s.free()
	r := &DecodeReport{StackReport: *limits, Context: dc.Context}
	for _, n := range dc.Batches {
		result, work, err := s.decode(n, dc.Context)
		if err != nil {
			return nil, err
		}
		reads := func(pass int64) float64 { return s.memory.rate(time.Duration(pass)) * float64(r.Ranks) }
		peak := 1e9 * r.Peak * float64(r.Ranks)
		result.Reads = reads(int64(work.pass.Median))
		result.TokensPerSecond = float64(n) / result.Median.Seconds()
		result.Bytes = work.bytes()
		result.BytesPerSecond = float64(result.Bytes) / result.Median.Seconds()
		result.OfReads = medianOf(result.times, work.pass.times, func(step, pass int64) float64 {
			return float64(result.Bytes) / time.Duration(step).Seconds() / reads(pass)
		})
		result.Floor = work.floor(peak, result.Reads)
		result.OfFloor = medianOf(result.times, work.pass.times, func(step, pass int64) float64 {
			return float64(work.floor(peak, reads(pass))) / float64(step)
		})
		r.Results = append(r.Results, result)
		parts.next()
	}
	return r, nil
}

// decode times steps of n sequences, by turns with passes over memory, and verifies the last against the sequence whole.
func (s *stack) decode(n, context int) (result DecodeResult, work decodeWork, err error) {
	ranks, self := s.proc.Comm.Size(), s.proc.Comm.Rank()
	var mine []int
	var caches []*layers.Cache
	defer func() {
		for _, c := range caches {
			c.Free()
		}
	}()
	prompts := layers.Batch{Starts: []int32{0}, Caches: caches, Unbounded: true}
	for i := range n {
		if i%ranks != self {
			continue
		}
		mine, caches = append(mine, i), append(caches, s.pool.New())
		prompts.Add(s.sequence(i, context), i*context)
		prompts.Starts = append(prompts.Starts, int32(len(prompts.IDs)))
	}
	prompts.Caches = caches
	if _, err := s.model.Forward(prompts); err != nil {
		return result, work, err
	}
	at := context
	var last []float32
	work = decodeWork{stack: s, rows: n, experts: make([]int, n+1)}
	times, err := measureByTurns(s.proc.Comm, s.Repeats, func() (err error) {
		b := layers.Batch{Starts: []int32{0}, Caches: caches, Unbounded: true}
		for _, i := range mine {
			b.Add(s.sequence(i, at+1)[at:], i)
			b.Starts = append(b.Starts, int32(len(b.IDs)))
		}
		last, err = s.model.Forward(b)
		s.clock.stop()
		if at++; at == context+1 { // it warms up
			s.clock = phaseClock{}
		} else {
			work.add(at - 1)
		}
		return err
	}, s.memory.pass)
	if err != nil {
		return result, work, err
	}
	result, work.pass = DecodeResult{Batch: n, Sample: times[0]}, times[1]
	result.ColumnParallel, _ = s.model.Shared()
	if work.denseReads, err = s.denseReads(len(mine) > 0, result.ColumnParallel > 1); err != nil {
		return result, work, err
	}
	if result.Seconds, err = s.phases(s.Repeats); err != nil {
		return result, work, err
	}
	return result, work, s.verifyDecode(mine, append([]float32(nil), last...), at)
}

// decodeWork is what there is to do in some steps, over all ranks, and how long passes over memory took by turns with them.
type decodeWork struct {
	stack      *stack
	rows       int   // of a step
	steps      int   // so far
	past       int   // tokens of a sequence before each step, added up
	experts    []int // [rows+1] how many experts, of all layers and steps, had so many rows
	denseReads int   // of what every token meets, in a step
	pass       Sample
}

// add counts the step that was last, behind so many tokens of each sequence.
func (w *decodeWork) add(past int) {
	w.steps++
	w.past += past
	for _, n := range w.stack.ledger {
		w.experts[n]++
	}
}

// bytes is what a step reads: weights, and keys and values.
func (w *decodeWork) bytes() int {
	hit := 0
	for _, count := range w.experts[1:] {
		hit += count
	}
	return w.stack.weightBytes(hit, w.steps*w.denseReads)/w.steps + w.cacheBytes()
}

func (w *decodeWork) cacheBytes() int { return w.rows * w.past / w.steps * w.stack.pool.TokenBytes() }

// floor is the least time of a step where all ranks together do so many operations, and read so many bytes, per second.
func (w *decodeWork) floor(peak, reads float64) time.Duration {
	s := w.stack
	product := func(weights, rows, times int) float64 {
		return max(float64(times*s.DType.Bytes()*weights)/reads, float64(2*rows*weights)/peak)
	}
	experts := 0.0
	for rows, count := range w.experts {
		if rows > 0 {
			experts += float64(count) * product(s.Shape.weights(), rows, 1)
		}
	}
	seconds := experts/float64(w.steps) + product(s.Layers*s.Shape.dense(), w.rows, w.denseReads) + float64(w.cacheBytes())/reads
	return time.Duration(seconds * float64(time.Second))
}

// denseReads is how often the weights that every token meets were read in the last step, over all ranks: by each that has tokens, or once on a
// node whose ranks share the products. All ranks call it.
func (s *stack) denseReads(busy, shared bool) (int, error) {
	hosts, self := s.proc.Hosts, s.proc.Comm.Rank()
	if shared {
		busy = slices.Index(hosts, hosts[self]) == self
	}
	reads := []int64{0}
	if busy {
		reads[0] = 1
	}
	err := collective.AllReduce(s.proc.Comm, collective.Sum, reads)
	return int(reads[0]), err
}

// sequence is the first tokens of the i-th sequence.
func (s *stack) sequence(i, tokens int) []int32 {
	ids := make([]int32, tokens)
	state := uint32(i)*2654435761 + 1
	for t := range ids {
		state = state*1664525 + 1013904223
		ids[t] = int32(state>>8) % stackVocab
	}
	return ids
}

// verifyDecode compares the last token of this rank's first sequence with what it is in the sequence
// whole: the same but for rounding.
func (s *stack) verifyDecode(mine []int, last []float32, tokens int) error {
	b := layers.Batch{Starts: []int32{0}, Unbounded: true}
	if len(mine) > 0 {
		b.Add(s.sequence(mine[0], tokens), mine[0]*tokens)
		b.Starts = append(b.Starts, int32(len(b.IDs)))
	}
	hidden, err := s.model.Forward(b)
	s.clock.stop()
	if err != nil || len(mine) == 0 {
		return collective.Agree(s.proc.Comm, err)
	}
	h := s.Shape.Hidden
	want, diff, size := hidden[(tokens-1)*h:], 0.0, 0.0
	for i, v := range want {
		diff = max(diff, math.Abs(float64(v-last[i])))
		size = max(size, math.Abs(float64(v)))
	}
	if bound := s.rounding() * size; !(diff <= bound) {
		err = fmt.Errorf("bench: decode: token %d of sequence %d is off by %g from the sequence whole, bound %g", tokens-1, mine[0], diff, bound)
	}
	return collective.Agree(s.proc.Comm, err)
}

// rounding is how far results may differ, relative to the largest, where sums are made in another order.
func (s *stack) rounding() float64 {
	if s.DType.Bytes() == 2 {
		return 5e-2
	}
	return 1e-3
}
