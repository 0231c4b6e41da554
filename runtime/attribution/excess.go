package attribution

import (
	"slices"

	"capmoe/layers"
)

// excess is by how many seconds a rank's work in a layer exceeds that of the mean rank,
// by cause.
type excess struct {
	rows     float64 // token imbalance: rows of its experts
	tokens   float64 // token imbalance: its own tokens
	hardware float64
	skew     float64
}

func (e excess) sum() float64 { return e.rows + e.tokens + e.hardware + e.skew }

func (e *excess) add(other excess) {
	e.rows += other.rows
	e.tokens += other.tokens
	e.hardware += other.hardware
	e.skew += other.skew
}

// excessOf splits a rank's excess, [L].
func (r *Run) excessOf(rank int) []excess {
	byLayer := make([]excess, r.layers())
	for p := range layers.Phases {
		for _, dense := range []bool{false, true} {
			typical := median(r.rates(p, dense))
			for l := range byLayer {
				if r.Dense[l] == dense {
					byLayer[l].add(r.excessIn(rank, l, p, typical))
				}
			}
		}
	}
	return byLayer
}

// excessIn is the excess in one phase, whose unit takes typical seconds.
func (r *Run) excessIn(rank, layer int, p layers.Phase, typical float64) excess {
	all := r.work(rank, layer, p) - r.mean(func(q int) float64 { return r.work(q, layer, p) })
	if exchanges(p) {
		return excess{skew: all}
	}
	share := typical * (r.units(rank, layer, p) - r.mean(func(q int) float64 { return r.units(q, layer, p) }))
	if p == layers.Expert && !r.Dense[layer] {
		return excess{rows: share, hardware: all - share}
	}
	return excess{tokens: share, hardware: all - share}
}

// rates are the seconds that a unit of a phase takes on each rank that has any, over
// the layers that are dense or that are not.
func (r *Run) rates(p layers.Phase, dense bool) []float64 {
	var rates []float64
	for rank := range r.ranks() {
		if t, ok := r.rate(rank, p, dense); ok {
			rates = append(rates, t)
		}
	}
	return rates
}

func (r *Run) rate(rank int, p layers.Phase, dense bool) (t float64, ok bool) {
	work, units := 0.0, 0.0
	for l := range r.layers() {
		if r.Dense[l] == dense {
			work += r.work(rank, l, p)
			units += r.units(rank, l, p)
		}
	}
	if units == 0 {
		return 0, false
	}
	return work / units, true
}

// median is the middle value, or the mean of the two in the middle; 0 of none.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}
