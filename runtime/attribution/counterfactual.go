package attribution

import (
	"fmt"
	"slices"

	"capmoe/layers"
	"capmoe/layers/capacity"
)

// Counterfactual is what the run's experts would have saved under something else. They
// take as long as the slowest rank of each step and layer; savings below zero are costs.
type Counterfactual struct {
	What  string  `json:"what"`
	Saved float64 `json:"saved_seconds"`
}

// The capacity factors that are tried.
var gammas = []float64{1, 1.25, 1.5, 2}

// The names of what is tried besides policies.
const (
	balanced = "placement eplb"  // experts placed by the run's own loads (layers.Balance, without replicas)
	even     = "perfect balance" // every step's rows shared out evenly: what no placement can exceed
	alike    = "equal hardware"  // every rank as fast as the typical one
)

// Bound tells whether a counterfactual of this name is a limit, which nothing that can be
// done is sure to reach.
func Bound(what string) bool { return what == even || what == alike }

// counterfactuals prices the sampled loads with the seconds that a row takes on each
// rank, and scales them to the run.
//
// Rows under drop follow exactly from the loads: an expert computes min(load, C). Rows
// under reroute are estimated from the loads (see rerouted). Both in scope global, and
// in every step: a decode step too, as with --capacity-in-decode.
func (r *Run) counterfactuals() []Counterfactual {
	sampled, all := int64(0), int64(0)
	for _, s := range r.Samples {
		for _, n := range s.After {
			sampled += n
		}
	}
	for _, n := range r.Rows {
		all += n
	}
	if sampled == 0 {
		return nil
	}
	scale := float64(all) / float64(sampled)
	rate := r.perRow()
	now := r.price(r.Held, rate, kept)
	var tried []Counterfactual
	try := func(what string, seconds float64) {
		tried = append(tried, Counterfactual{what, scale * (now - seconds)})
	}
	for _, gamma := range gammas {
		try(fmt.Sprintf("drop γ=%g", gamma), r.price(r.Held, rate, r.capped(gamma, dropped)))
		try(fmt.Sprintf("reroute γ=%g", gamma), r.price(r.Held, rate, r.capped(gamma, rerouted)))
	}
	try(balanced, r.price(r.balance(), rate, kept))
	try(even, r.priceEven(rate))
	typical := r.typicalPerRow()
	for i := range rate {
		rate[i] = typical
	}
	try(alike, r.price(r.Held, rate, kept))
	return tried
}

// price is the seconds of the experts in the samples: of the slowest rank in each.
func (r *Run) price(held []layers.Placement, rate []float64, loads func(dst []float64, s Sample)) (seconds float64) {
	var load []float64
	for _, s := range r.Samples {
		load = append(load[:0], make([]float64, len(s.Before))...)
		loads(load, s)
		copies := copiesOf(held[s.Layer], len(load))
		slowest := 0.0
		for rank, experts := range held[s.Layer].Held {
			rows := 0.0
			for _, e := range experts {
				rows += load[e] / copies[e]
			}
			slowest = max(slowest, rows*rate[rank])
		}
		seconds += slowest
	}
	return seconds
}

// priceEven is price where the ranks share the rows of every sample out evenly.
func (r *Run) priceEven(rate []float64) float64 {
	rows := int64(0)
	for _, s := range r.Samples {
		for _, n := range s.After {
			rows += n
		}
	}
	return float64(rows) / float64(r.ranks()) * slices.Max(rate)
}

// kept is the loads as they were.
func kept(dst []float64, s Sample) {
	for e, n := range s.After {
		dst[e] = float64(n)
	}
}

// capped is the loads that a policy makes of the top K under a capacity factor.
func (r *Run) capped(gamma float64, policy func(dst []float64, load []int64, capacity int)) func([]float64, Sample) {
	cfg := capacity.Config{Policy: capacity.Drop, Expert: capacity.Times(gamma)}
	return func(dst []float64, s Sample) {
		layout := capacity.Contiguous(len(s.Before), 1)
		policy(dst, s.Before, cfg.Rows(layout, r.TopK, s.Tokens, 1))
	}
}

func dropped(dst []float64, load []int64, capacity int) {
	for e, n := range load {
		dst[e] = float64(min(n, int64(capacity)))
	}
}

// balance places the experts of every layer by the run's loads.
func (r *Run) balance() []layers.Placement {
	placed := make([]layers.Placement, r.layers())
	for l, load := range r.Load {
		if !r.Dense[l] {
			placed[l] = layers.Balance(load, r.ranks(), 0)
		}
	}
	return placed
}

// perRow is the seconds that a row takes in the experts of each rank; the typical where
// a rank has had none. [P]
func (r *Run) perRow() []float64 {
	rate, typical := make([]float64, r.ranks()), r.typicalPerRow()
	for rank := range rate {
		var ok bool
		if rate[rank], ok = r.rate(rank, layers.Expert, false); !ok {
			rate[rank] = typical
		}
	}
	return rate
}

func (r *Run) typicalPerRow() float64 { return median(r.rates(layers.Expert, false)) }

// copiesOf is on how many ranks each expert is, [E]: they share its rows.
func copiesOf(where layers.Placement, experts int) []float64 {
	copies := make([]float64, experts)
	for _, held := range where.Held {
		for _, e := range held {
			copies[e]++
		}
	}
	return copies
}
