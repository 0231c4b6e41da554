package attribution

import (
	"fmt"

	"capmoe/layers"
	"capmoe/layers/capacity"
)

// made is a run of two layers, four ranks and eight experts in which every rank has the
// same tokens and rows, and takes the same time.
func made(change func(r *Run)) *Run {
	const ranks, numLayers, experts = 4, 2, 8
	r := &Run{
		Dense: make([]bool, numLayers), TopK: 2, Wire: 0.5, WaitedFor: make([]float64, ranks),
		Work: make([]float64, ranks*numLayers*int(layers.Phases)), Rows: make([]int64, ranks*numLayers),
	}
	for rank := range ranks {
		r.Hosts = append(r.Hosts, fmt.Sprintf("n%d", rank/2))
		r.Tokens = append(r.Tokens, 100)
	}
	for l := range numLayers {
		r.Held = append(r.Held, layers.PlacementOf(capacity.Contiguous(experts, ranks)))
		r.Load = append(r.Load, make([]int64, experts))
		for e := range experts {
			r.Load[l][e] = 100
		}
		r.Samples = append(r.Samples, Sample{Layer: l, Tokens: 400, Before: r.Load[l], After: r.Load[l]})
	}
	for rank := range ranks {
		for l := range numLayers {
			r.Rows[rank*numLayers+l] = 200
			r.set(rank, l, layers.Attention, 0.1)
			r.load(rank, l)
		}
	}
	change(r)
	return r
}

func (r *Run) set(rank, layer int, p layers.Phase, seconds float64) {
	r.Work[(rank*r.layers()+layer)*int(layers.Phases)+int(p)] = seconds
}

// move gives an expert more of a layer's rows, and its rank the time for them.
func (r *Run) move(layer, expert int, rows int64) {
	rank := expert / 2
	r.Load[layer][expert] += rows
	r.Rows[rank*r.layers()+layer] += rows
	r.load(rank, layer)
}

// load gives a rank the time for its rows and for what it sends and receives.
func (r *Run) load(rank, layer int) {
	r.set(rank, layer, layers.Expert, 0.001*r.units(rank, layer, layers.Expert).sum())
	r.set(rank, layer, layers.Dispatch, 0.0001*r.units(rank, layer, layers.Dispatch).sum())
}
