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
	byLayer, slowness := make([]excess, r.layers()), r.slowness()
	for p := range layers.Phases {
		for _, dense := range []bool{false, true} {
			typical := median(r.rates(p, dense))
			for l := range byLayer {
				if r.Dense[l] == dense {
					byLayer[l].add(r.excessIn(rank, l, p, typical, slowness))
				}
			}
		}
	}
	return byLayer
}

// excessIn is the excess in one phase, whose unit takes typical seconds. In a phase that
// exchanges, hardware is as much of what a rank takes beyond, or below, that as its
// slowness where it computes explains; the rest is skew.
func (r *Run) excessIn(rank, layer int, p layers.Phase, typical float64, slowness []float64) excess {
	over := func(f func(q int) float64) float64 { return f(rank) - r.mean(f) }
	all := over(func(q int) float64 { return r.work(q, layer, p) })
	e := excess{
		rows:   over(func(q int) float64 { return typical * r.units(q, layer, p).rows }),
		tokens: over(func(q int) float64 { return typical * r.units(q, layer, p).tokens }),
	}
	if exchanges(p) {
		e.hardware = over(func(q int) float64 {
			expected := typical * r.units(q, layer, p).sum()
			beyond := r.work(q, layer, p) - expected
			return max(min(expected*(slowness[q]-1), max(beyond, 0)), min(beyond, 0))
		})
		e.skew = all - e.sum()
	} else {
		e.hardware = all - e.sum()
	}
	return e
}

// slowness is what each rank's work in the phases that compute takes over what it would
// take on the typical rank, [P].
func (r *Run) slowness() []float64 {
	work, expected := make([]float64, r.ranks()), make([]float64, r.ranks())
	for p := range layers.Phases {
		for l := range r.layers() {
			if exchanges(p) {
				continue
			}
			typical := median(r.rates(p, r.Dense[l]))
			for q := range work {
				work[q] += r.work(q, l, p)
				expected[q] += typical * r.units(q, l, p).sum()
			}
		}
	}
	for q := range work {
		if expected[q] > 0 {
			work[q] /= expected[q]
		} else {
			work[q] = 1
		}
	}
	return work
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
			units += r.units(rank, l, p).sum()
		}
	}
	if units == 0 {
		return 0, false
	}
	return work / units, true
}

// median is the middle value, or the lower of the two in the middle, so that of two
// ranks the faster is typical; 0 of none.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	return slices.Sorted(slices.Values(values))[(len(values)-1)/2]
}
