package checkpoint

import (
	"fmt"

	"capmoe/layers"
)

// Estimate is the size of a model, from its config.json alone. Counts are of
// parameters; what a checkpoint holds beside the model (scales, layers for predicting
// further tokens) is not among them.
type Estimate struct {
	Parameters int64 // in all
	Active     int64 // that one token meets: all but the experts it does not choose
	Shared     int64 // all but the experts: every rank has them
	Expert     int64 // one expert of one layer
	// RankBytes is the memory that the weights of each rank take with its experts
	// placed contiguously; a tied output matrix is held a second time.
	RankBytes []int64
}

// Estimate sizes the model for a number of ranks and of bytes that a weight takes in
// memory. It panics if either is not positive.
func (c *Config) Estimate(ranks, bytesPerWeight int) Estimate {
	if ranks < 1 || bytesPerWeight < 1 {
		panic(fmt.Sprintf("checkpoint: estimate: %d ranks, %d bytes per weight", ranks, bytesPerWeight))
	}
	m := c.Model
	mixtures := m.Layers - len(m.Dense.Layers)
	e := Estimate{Shared: int64(c.sharedSize()), Expert: int64(expertSize(m)), RankBytes: make([]int64, ranks)}
	e.Parameters = e.Shared + int64(mixtures*m.MoE.Experts)*e.Expert
	e.Active = e.Shared + int64(mixtures*m.MoE.TopK)*e.Expert
	held := e.Shared
	if c.Tied {
		held += int64(m.Vocab * m.Hidden)
	}
	for r := range e.RankBytes {
		owned := (r+1)*m.MoE.Experts/ranks - r*m.MoE.Experts/ranks
		e.RankBytes[r] = (held + int64(mixtures*owned)*e.Expert) * int64(bytesPerWeight)
	}
	return e
}

// maxParameters bounds a whole model: a config of more is absurd. Sums up to it are
// exact in float64, which no product of sizes overflows.
const maxParameters = 1 << 50

// plausible faults on sizes that are each possible and together are not.
func (c *Config) plausible(f *fields) {
	m := c.Model
	mixtures := float64(m.Layers - len(m.Dense.Layers))
	if n := c.sharedSize() + mixtures*float64(m.MoE.Experts)*expertSize(m); n > maxParameters {
		f.fault("the sizes make a model of %.3g parameters, want at most %.3g", n, float64(maxParameters))
	}
}

// sharedSize is all parameters but the experts'.
func (c *Config) sharedSize() float64 {
	m := c.Model
	h, depth, dense := float64(m.Hidden), float64(m.Layers), float64(len(m.Dense.Layers))
	n := float64(m.Vocab)*h + h // embedding, last norm
	if !c.Tied {
		n += float64(m.Vocab) * h
	}
	n += depth * (attentionSize(m) + 2*h)
	n += dense * 3 * float64(m.Dense.Inner) * h
	return n + (depth-dense)*mixtureSize(m)
}

// mixtureSize is a mixture's parameters but the experts'.
func mixtureSize(m layers.Config) float64 {
	h, e := float64(m.Hidden), float64(m.MoE.Experts)
	n := e*h + 3*float64(m.MoE.Shared.Inner)*h
	if m.MoE.Shared.Gated {
		n += h
	}
	if m.MoE.Router.Bias {
		n += e
	}
	if m.MoE.Router.ChoiceBias {
		n += e
	}
	return n
}

// expertSize is one expert's parameters.
func expertSize(m layers.Config) float64 {
	h, f := float64(m.Hidden), float64(m.MoE.Inner)
	if m.MoE.Bias {
		return 3*f*h + 2*f + h
	}
	return 3 * f * h
}

// attentionSize is one attention's parameters.
func attentionSize(m layers.Config) float64 {
	a, h := m.Attention, float64(m.Hidden)
	if a.Latent.On() {
		return latentSize(m)
	}
	queries, values := float64(a.Heads)*float64(a.HeadDim), float64(a.KVHeads)*float64(a.HeadDim)
	n := h * (2*queries + 2*values)
	switch a.QKNorm {
	case layers.WholeQKNorm:
		n += queries + values
	case layers.HeadQKNorm:
		n += 2 * float64(a.HeadDim)
	}
	if a.Bias {
		n += queries + 2*values
	}
	if a.OutBias {
		n += h
	}
	if a.Sinks {
		n += float64(a.Heads)
	}
	return n
}

// latentSize is one latent attention's parameters.
func latentSize(m layers.Config) float64 {
	a, h := m.Attention, float64(m.Hidden)
	heads, rank := float64(a.Heads), float64(a.Latent.KVRank)
	queries, value := heads*float64(a.HeadDim), heads*float64(a.Latent.Value)
	n := h*(rank+float64(a.Latent.Rope)) + rank + rank*(heads*float64(a.Latent.Nope)+value) + value*h
	if q := float64(a.Latent.QueryRank); q > 0 {
		return n + h*q + q + q*queries
	}
	return n + h*queries
}
