package bench

import (
	"fmt"
	"sync/atomic"

	"capmoe/collective"
	"capmoe/collective/commtest"
	"capmoe/layers"
	"capmoe/runtime"
)

// OverlapReport is what a mixture layer gains from rows that travel in chunks while experts compute.
type OverlapReport struct {
	Shape   Shape         `json:"shape"`
	DType   string        `json:"dtype"`
	Tokens  int           `json:"tokens"`
	Skew    float64       `json:"skew"`
	Ranks   int           `json:"ranks"`
	Latency float64       `json:"latency_seconds"`
	Node    NodeOverlap   `json:"one_node"`
	Wires   []WireOverlap `json:"wires"`
}

// NodeOverlap is the layer on one node, through shared memory.
type NodeOverlap struct {
	Sample
	// Waits is the time inside operations of the rank that waits least, in the median run: overlap could win no more than this.
	Waits float64 `json:"wait_seconds"`
}

// WireOverlap is the layer where every rank is a node of its own, over a wire.
type WireOverlap struct {
	Bandwidth float64         `json:"bytes_per_second"`
	Degrees   []DegreeOverlap `json:"degrees"`
	Chosen    int             `json:"chosen"` // what the layer chooses by its own measurement
}

// DegreeOverlap is the layer with its rows in a number of chunks.
type DegreeOverlap struct {
	Degree int `json:"a2a_ffn_overlap_degree"`
	Sample
	Gain float64 `json:"gain"` // part of the time in one chunk that is saved
}

// Overlap measures a dropless layer on one node, and over made wires with a number of chunks, by turns.
func Overlap(p runtime.Process, lc LayerCase, wires []commtest.Wire, degrees []int, repeats int) (*OverlapReport, error) {
	parts, w, err := lc.make(p)
	if err != nil {
		return nil, err
	}
	r := &OverlapReport{Shape: lc.Shape, DType: lc.DType.String(), Tokens: lc.Tokens, Skew: lc.Skew, Ranks: p.Comm.Size()}
	var inside atomic.Int64
	collective.TimeInto(p.Comm, &inside)
	node, err := newLayerRun(p.Comm, parts, w, lc)
	if err == nil {
		node.inside = &inside
		r.Node, err = node.onNode(repeats)
	}
	collective.TimeInto(p.Comm, nil)
	for _, wire := range wires {
		if err != nil {
			return nil, err
		}
		far, err := commtest.Over(p.Comm, wire)
		if err != nil {
			return nil, err
		}
		o, sum, err := overWire(far, parts, w, lc, degrees, repeats)
		if err != nil {
			return nil, err
		}
		if sum != node.sum {
			return nil, fmt.Errorf("bench: overlap: sums of the layer's bits are %x on one node, %x over a wire", node.sum, sum)
		}
		r.Latency, o.Bandwidth = wire.Latency.Seconds(), wire.Bandwidth
		r.Wires = append(r.Wires, o)
	}
	return r, err
}

// onNode times the layer where it is.
func (r *layerRun) onNode(repeats int) (NodeOverlap, error) {
	for turn := range repeats + 1 { // the first warms up
		if err := r.once(turn > 0); err != nil {
			return NodeOverlap{}, err
		}
	}
	if err := collective.AllReduce(r.comm, collective.Min, r.waited); err != nil {
		return NodeOverlap{}, err
	}
	result, err := r.result("")
	if err != nil {
		return NodeOverlap{}, err
	}
	waits, _ := sampleOf(r.waited)
	return NodeOverlap{result.Sample, waits.Median.Seconds()}, nil
}

// overWire times the layer with each number of chunks by turns, then lets it choose.
func overWire(c collective.Communicator, parts layers.Parts, w *layers.BlockWeights, lc LayerCase, degrees []int, repeats int) (o WireOverlap, sum uint64, err error) {
	runs := make([]*layerRun, len(degrees))
	for i, n := range degrees {
		parts.Overlap = n
		if runs[i], err = newLayerRun(c, parts, w, lc); err != nil {
			return o, 0, err
		}
	}
	for turn := range repeats + 1 {
		for _, r := range runs {
			if err := r.once(turn > 0); err != nil {
				return o, 0, err
			}
		}
	}
	for i, r := range runs {
		result, err := r.result("")
		if err != nil {
			return o, 0, err
		}
		if r.sum != runs[0].sum {
			return o, 0, fmt.Errorf("bench: overlap: sums of the layer's bits are %x in %d chunks, %x in %d", r.sum, degrees[i], runs[0].sum, degrees[0])
		}
		o.Degrees = append(o.Degrees, DegreeOverlap{Degree: degrees[i], Sample: result.Sample})
		o.Degrees[i].Gain = 1 - result.Median.Seconds()/o.Degrees[0].Median.Seconds()
	}
	parts.Overlap = 0
	auto, err := newLayerRun(c, parts, w, lc)
	for err == nil && o.Chosen == 0 {
		if err = auto.once(false); err == nil {
			o.Chosen = auto.moe.Overlap()[0].Degree
		}
	}
	return o, runs[0].sum, err
}
