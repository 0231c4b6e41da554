package figure

import (
	"math"
	"strconv"

	"gonum.org/v1/plot"
)

// Axis is a direction of Lines.
type Axis struct {
	Label string
	Log   bool      // in factors; the values are positive then
	Ticks []float64 // nil: round numbers
	From  float64   // the least value shown, if Start
	Start bool
}

// set gives a plot's axis the range of the values, a little air on both sides, and ticks.
func (a Axis) set(axis *plot.Axis, values []float64) {
	low, high := a.reach(values)
	if a.Log {
		axis.Scale = plot.LogScale{}
	}
	axis.Min, axis.Max = low, high
	marks := a.Ticks
	if marks == nil {
		marks = round(low, high, a.Log)
	}
	var ticks []plot.Tick
	for _, m := range marks {
		if m >= low && m <= high {
			ticks = append(ticks, plot.Tick{Value: m, Label: number(m)})
		}
	}
	axis.Tick.Marker = plot.ConstantTicks(ticks)
}

// reach is the range that is shown: values and ticks, with 4 % of air.
func (a Axis) reach(values []float64) (low, high float64) {
	low, high = math.Inf(1), math.Inf(-1)
	for _, v := range append(append([]float64(nil), values...), a.Ticks...) {
		low, high = min(low, v), max(high, v)
	}
	if math.IsInf(low, 0) {
		low, high = 1, 2
	}
	if a.Start {
		low = min(low, a.From)
	}
	if a.Log {
		air := math.Pow(high/low, 0.04)
		if air < 1.01 {
			air = 1.01
		}
		return low / air, high * air
	}
	air := 0.04 * (high - low)
	if size := max(math.Abs(low), math.Abs(high)); high-low <= 1e-6*size {
		air = max(0.05*size, 1e-9)
	}
	if a.Start && low == a.From {
		return low, high + air
	}
	return low - air, high + air
}

// round lists round numbers from low to high: three to eight of them.
func round(low, high float64, log bool) []float64 {
	if log && high/low > 8 {
		return decades(math.Floor(math.Log10(low)), math.Ceil(math.Log10(high)))
	}
	size := math.Pow(10, math.Floor(math.Log10(high-low)))
	for _, part := range []float64{2, 1, 0.5, 0.25, 0.2, 0.1} {
		if (high-low)/(size*part) >= 3 {
			size *= part
			break
		}
	}
	var marks []float64
	for k := math.Ceil(low / size); k*size <= high; k++ {
		marks = append(marks, k*size)
	}
	return marks
}

// decades lists 1, 2 and 5 times powers of ten, only some powers where there are many.
func decades(first, last float64) (marks []float64) {
	parts, every := []float64{1, 2, 5}, 1.0
	if last-first > 3 {
		parts, every = parts[:1], math.Ceil((last-first)/8)
	}
	for e := first; e <= last; e += every {
		for _, m := range parts {
			marks = append(marks, m*math.Pow(10, e))
		}
	}
	return marks
}

// number is a number without digits that say nothing.
func number(v float64) string {
	if math.Abs(v) < 1e-12 {
		return "0"
	}
	v, _ = strconv.ParseFloat(strconv.FormatFloat(v, 'g', 6, 64), 64)
	return strconv.FormatFloat(v, 'g', -1, 64)
}
