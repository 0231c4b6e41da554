package attribution

import "capmoe/layers"

// Run is what the ranks of a run measured. P ranks, L layers, E experts; seconds.
type Run struct {
	Hosts []string // [P]
	CPU   bool     // the work of phases that compute is CPU time: ranks share cores
	Dense []bool   // [L] layers of one perceptron for every token

	Work   []float64 // [P, L, Phases] a rank's own, outside of exchanges
	Tokens []int64   // [P] tokens of the rank
	Rows   []int64   // [P, L] pairs that the rank computed

	Wire      float64   // in exchanges, of the rank that came last
	WaitedFor []float64 // [P] what the mean rank waited in exchanges to which the rank came last

	TopK    int                // K
	Load    [][]int64          // [L][E] computed pairs of each expert; nil of a dense layer
	Held    []layers.Placement // [L] which rank computes which
	Samples []Sample           // some of the steps, alike
}

// Sample is the loads of one layer in one step.
type Sample struct {
	Layer  int
	Tokens int     // T
	Before []int64 // [E] pairs of the top K
	After  []int64 // [E] kept pairs
}

func (r *Run) ranks() int  { return len(r.Hosts) }
func (r *Run) layers() int { return len(r.Dense) }

func (r *Run) work(rank, layer int, p layers.Phase) float64 {
	return r.Work[(rank*r.layers()+layer)*int(layers.Phases)+int(p)]
}

// total is all work of a rank.
func (r *Run) total(rank int) (sum float64) {
	for l := range r.layers() {
		for p := range layers.Phases {
			sum += r.work(rank, l, p)
		}
	}
	return sum
}

// units is what a rank's work in a phase is in proportion to.
type units struct {
	tokens float64 // its own, or the pairs that it sends for them
	rows   float64 // of its experts
}

func (u units) sum() float64 { return u.tokens + u.rows }

func (r *Run) units(rank, layer int, p layers.Phase) units {
	tokens, rows := float64(r.Tokens[rank]), float64(r.Rows[rank*r.layers()+layer])
	switch {
	case p == layers.Embed && layer > 0, p == layers.Head && layer < r.layers()-1:
		return units{}
	case p == layers.Expert && !r.Dense[layer]:
		return units{rows: rows}
	case p == layers.Dispatch || p == layers.Combine:
		return units{tokens: float64(r.TopK) * tokens, rows: rows}
	}
	return units{tokens: tokens}
}

// exchanges tells whether ranks wait for each other in a phase.
func exchanges(p layers.Phase) bool {
	return p == layers.Plan || p == layers.Dispatch || p == layers.Combine
}

// mean is the mean of f over the ranks.
func (r *Run) mean(f func(rank int) float64) float64 {
	sum := 0.0
	for rank := range r.ranks() {
		sum += f(rank)
	}
	return sum / float64(r.ranks())
}
