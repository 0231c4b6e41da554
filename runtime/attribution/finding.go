package attribution

import (
	"cmp"
	"slices"
)

// Finding is what slowed a run down. The seconds are sums over its steps.
type Finding struct {
	Slowest int    `json:"slowest_rank"` // with the most work of its own
	Host    string `json:"host"`
	Layer   *int   `json:"layer"`  // where most of the cause is; null: no cause
	Expert  *int   `json:"expert"` // the rank's busiest in that layer, where the cause is its rows
	// ExpertOverMean is its load over that of the layer's mean expert.
	ExpertOverMean float64 `json:"expert_load_over_mean,omitempty"`
	Cause          Cause   `json:"cause"`
	Clock          string  `json:"clock"` // of the phases that compute: wall, or cpu where ranks share cores

	Work     float64 `json:"work_seconds"`      // of the slowest rank, outside of exchanges
	MeanWork float64 `json:"mean_work_seconds"` // of the mean rank
	Seconds  Seconds `json:"seconds"`
	// WaitingForOthers is what the mean rank waited for ranks other than the slowest.
	WaitingForOthers float64 `json:"waiting_for_others_seconds"`

	PerRow         float64          `json:"seconds_per_row"` // of the slowest rank's experts
	TypicalPerRow  float64          `json:"typical_seconds_per_row"`
	Counterfactual []Counterfactual `json:"counterfactual"`
}

// Seconds are the causes by which Work exceeds MeanWork, and what the mean rank spent in
// exchanges.
type Seconds struct {
	ArrivalSkew    float64 `json:"arrival_skew"`
	Wire           float64 `json:"wire"`
	TokenImbalance float64 `json:"token_imbalance"`
	SlowerHardware float64 `json:"slower_hardware"`
	Waiting        float64 `json:"waiting"` // for the slowest rank
}

// Cause is why a rank is the slowest: the largest of the terms that make up its excess.
type Cause string

// The causes.
const (
	TokenImbalance Cause = "token imbalance" // it has more tokens, or more rows for its experts
	SlowerHardware Cause = "slower hardware" // it takes longer for each
	ArrivalSkew    Cause = "arrival skew"    // it comes late to exchanges for another reason
	NoCause        Cause = "none"            // its excess is not worth one
)

// negligible is the share of the mean work below which an excess has no cause.
const negligible = 0.02

// Attribute finds the slowest rank of a run and why it is; nil for less than two ranks
// and for a run without experts at work.
func Attribute(r *Run) *Finding {
	if r.ranks() < 2 || r.typicalPerRow() == 0 {
		return nil
	}
	f := &Finding{Clock: "wall"}
	if r.CPU {
		f.Clock = "cpu"
	}
	for rank := range r.ranks() {
		if work := r.total(rank); work > f.Work {
			f.Slowest, f.Work = rank, work
		}
	}
	f.Host, f.MeanWork = r.Hosts[f.Slowest], r.mean(r.total)
	f.explain(r)
	f.Seconds.Wire, f.Seconds.Waiting = r.Wire, r.WaitedFor[f.Slowest]
	for rank, waited := range r.WaitedFor {
		if rank != f.Slowest {
			f.WaitingForOthers += waited
		}
	}
	f.Counterfactual = r.counterfactuals()
	return f
}

// explain fills in why the slowest rank is, and where.
func (f *Finding) explain(r *Run) {
	byLayer := r.excessOf(f.Slowest)
	var all excess
	for _, e := range byLayer {
		all.add(e)
	}
	s := &f.Seconds
	s.TokenImbalance, s.SlowerHardware, s.ArrivalSkew = all.rows+all.tokens, all.hardware, all.skew
	f.PerRow, f.TypicalPerRow = r.perRow()[f.Slowest], r.typicalPerRow()
	if f.Cause = f.largest(); f.Cause == NoCause {
		return
	}
	layer, most := 0, 0.0
	for l, e := range byLayer {
		if v := e.of(f.Cause); l == 0 || v > most {
			layer, most = l, v
		}
	}
	f.Layer = &layer
	if e := byLayer[layer]; f.Cause == TokenImbalance && e.rows > e.tokens {
		f.Expert, f.ExpertOverMean = r.busiest(layer, f.Slowest)
	}
}

func (f *Finding) largest() Cause {
	s := f.Seconds
	switch largest := max(s.TokenImbalance, s.SlowerHardware, s.ArrivalSkew); {
	case f.Work-f.MeanWork < negligible*f.MeanWork:
		return NoCause
	case largest == s.TokenImbalance:
		return TokenImbalance
	case largest == s.SlowerHardware:
		return SlowerHardware
	}
	return ArrivalSkew
}

// of is the part of an excess that a cause stands for.
func (e excess) of(c Cause) float64 {
	switch c {
	case TokenImbalance:
		return e.rows + e.tokens
	case SlowerHardware:
		return e.hardware
	}
	return e.skew
}

// busiest is the expert of which a rank computes most in a layer, nil where it holds
// none, and the expert's load over the mean.
func (r *Run) busiest(layer, rank int) (expert *int, overMean float64) {
	held, load := r.Held[layer].Held[rank], r.Load[layer]
	if len(held) == 0 {
		return nil, 0
	}
	copies := copiesOf(r.Held[layer], len(load))
	busiest := slices.MaxFunc(held, func(a, b int) int {
		return cmp.Compare(float64(load[a])/copies[a], float64(load[b])/copies[b])
	})
	sum := int64(0)
	for _, n := range load {
		sum += n
	}
	return &busiest, float64(load[busiest]) * float64(len(load)) / float64(max(1, sum))
}
