package bench

import (
	"fmt"

	"capmoe/collective"
	"capmoe/layers/kernel"
	"capmoe/runtime"
)

// GemmCase is the experts of one shape on so many rows each, which every thread runs one after the other:
//
//	x [rows, H] ─ GateUp [2F, H] ─ activation ─ Down [H, F] ─ y [rows, H]
type GemmCase struct {
	Shape   Shape
	DType   kernel.DType
	Rows    []int // per expert
	Repeats int
}

// GemmReport is what the experts of a shape reach, beside what the same machine reaches in
// the same run on products that its cache holds, and on reads of memory.
type GemmReport struct {
	Shape     Shape        `json:"shape"`
	DType     string       `json:"dtype"`
	Kernels   string       `json:"kernels"`
	Ranks     int          `json:"ranks"`
	Threads   int          `json:"threads"` // of every rank
	Experts   int          `json:"experts_in_memory"`
	Peak      float64      `json:"peak_gflops"` // of one rank
	PeakAt    string       `json:"peak_at"`     // rows × columns × depth
	ReadBytes float64      `json:"read_bytes_per_second"`
	Results   []GemmResult `json:"results"`
}

// GemmResult is all experts on one number of rows each.
type GemmResult struct {
	Rows int `json:"rows_per_expert"`
	Sample
	GFlops      float64 `json:"gflops"`       // of one rank, median
	Best        float64 `json:"gflops_best"`  // in the fastest repeat
	OfPeak      float64 `json:"of_peak"`      // median
	OfFloor     float64 `json:"of_floor"`     // the time at the peak, or to read the weights, whichever is longer, over the median
	BestOfPeak  float64 `json:"of_peak_best"` // fastest
	WeightBytes float64 `json:"weight_bytes_per_second"`
}

// mostWeightBytes is the memory that the experts of a rank, or of those that take turns on a core, may take. Experts beyond it are
// left out: those that fit are far more than a cache holds.
const mostWeightBytes = 4 << 30

func (gc GemmCase) expertBytes() int { return gc.Shape.weights() * gc.DType.Bytes() }

// experts is how many a rank has where so many take turns on its core.
func (gc GemmCase) experts(turns int) int {
	return max(2, min(gc.Shape.Experts, shareOf(mostWeightBytes/gc.expertBytes(), turns)))
}

// Gemm measures the products of a case on every rank at the same time, and tells how far it is; times are the slowest rank's.
func Gemm(p runtime.Process, gc GemmCase, told func(done, of int)) (*GemmReport, error) {
	parts := &parts{of: 4 + len(gc.Rows), told: told} // peak, reads, experts, every number of rows, peak
	lib, err := kernel.New(kernel.Options{Threads: p.Threads, DType: gc.DType})
	if err := collective.Agree(p.Comm, err); err != nil {
		return nil, err
	}
	r := &GemmReport{Shape: gc.Shape, DType: gc.DType.String(), Kernels: lib.Name(), Ranks: p.Comm.Size(), Threads: p.Threads}
	r.Experts = gc.experts(p.Turns)
	if err := fits(p, fmt.Sprintf("gemm: %d experts", r.Experts), r.Experts*gc.expertBytes()); err != nil {
		return nil, err
	}
	if r.Peak, r.PeakAt, err = measurePeak(p, lib); err != nil {
		return nil, err
	}
	parts.next()
	if r.ReadBytes, err = measureReads(p); err != nil {
		return nil, err
	}
	parts.next()
	g, err := newGemmExperts(lib, gc, r.Experts)
	defer g.free()
	if err := collective.Agree(p.Comm, err); err != nil {
		return nil, err
	}
	parts.next()
	for _, rows := range gc.Rows {
		result, err := g.measure(p.Comm, rows, gc.Repeats)
		if err != nil {
			return nil, err
		}
		r.Results = append(r.Results, result)
		parts.next()
	}
	// Measured after the experts too: a machine that was slow for a while counts as what it can do.
	reads, err := measureReads(p)
	if err != nil {
		return nil, err
	}
	r.ReadBytes = max(r.ReadBytes, reads)
	rate, at, err := measurePeak(p, lib)
	if err != nil {
		return nil, err
	}
	parts.next()
	if rate > r.Peak {
		r.Peak, r.PeakAt = rate, at
	}
	for i := range r.Results {
		result := &r.Results[i]
		result.OfPeak, result.BestOfPeak = result.GFlops/r.Peak, result.Best/r.Peak
		result.OfFloor = max(result.OfPeak, result.WeightBytes/r.ReadBytes)
	}
	return r, nil
}
