package checkpoint

import "fmt"

// Estimate is the size of a model, from its config.json alone. Counts are of
// parameters; what a checkpoint holds beside the model (scales, layers for predicting
// further tokens) is not among them.
type Estimate struct {
	Parameters int64 // in all
	Active     int64 // all but the experts that a token does not choose
	Shared     int64 // all but the experts: every rank has them
	Expert     int64 // one expert of one layer
	// RankBytes is the memory that the weights of each rank take with its experts
	// placed contiguously. A tied output matrix is held beside the embedding.
	RankBytes []int64
}

// Estimate sizes the model for a number of ranks and of bytes that a packed weight
// takes in memory; router, norms and biases take 4 whatever it is, and so is
// the embedding counted, which takes 2 where it is stored in bf16. It panics if either is not
// positive.
func (c *Config) Estimate(ranks, bytesPerWeight int) Estimate {
	if ranks < 1 || bytesPerWeight < 1 {
		panic(fmt.Sprintf("checkpoint: estimate: %d ranks, %d bytes per weight", ranks, bytesPerWeight))
	}
	m := c.Model
	mixtures := m.Layers - len(m.Dense.Layers)
	shared, expert := c.sharedSize(), expertSize(m)
	e := Estimate{Shared: shared.count(), Expert: expert.count(), RankBytes: make([]int64, ranks)}
	e.Parameters = e.Shared + expert.times(mixtures*m.MoE.Experts).count()
	e.Active = e.Shared + expert.times(mixtures*m.MoE.TopK).count()
	if c.Tied {
		shared = shared.plus(matrix(m.Vocab, m.Hidden))
	}
	for r := range e.RankBytes {
		owned := (r+1)*m.MoE.Experts/ranks - r*m.MoE.Experts/ranks
		held := shared.plus(expert.times(mixtures * owned))
		e.RankBytes[r] = int64(held.packed*float64(bytesPerWeight) + held.wide*4)
	}
	return e
}

// maxParameters bounds a whole model: a config of more is absurd. Sums up to it are
// exact in float64, which no product of sizes overflows.
const maxParameters = 1 << 50

// plausible faults on sizes that are each possible and together are not.
func (c *Config) plausible(f *fields) {
	m := c.Model
	all := c.sharedSize().plus(expertSize(m).times(m.MoE.Experts).times(m.Layers - len(m.Dense.Layers)))
	if n := all.packed + all.wide; n > maxParameters {
		f.fault("the sizes make a model of %.3g parameters, want at most %.3g", n, float64(maxParameters))
	}
}
