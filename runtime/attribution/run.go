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

// units is what a rank's time in a phase that computes is in proportion to: its rows
// in the experts, else its tokens.
func (r *Run) units(rank, layer int, p layers.Phase) float64 {
	switch {
	case p == layers.Embed && layer > 0, p == layers.Head && layer < r.layers()-1, p == layers.Route && r.Dense[layer]:
		return 0 // there is no such phase in the layer
	case p == layers.Expert && !r.Dense[layer]:
		return float64(r.Rows[rank*r.layers()+layer])
	}
	return float64(r.Tokens[rank])
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
