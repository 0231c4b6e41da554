package report

import (
	"math"
	"testing"

	"capmoe/runtime/study/figure"
)

func TestBetween(t *testing.T) {
	points := []point{
		{mass: figure.At(0.1), gain: figure.At(1.2), perplexity: figure.At(10)},
		{mass: figure.At(0.2), gain: figure.At(1.6), perplexity: figure.At(14)},
		{mass: figure.At(0.2), gain: figure.At(1.8), perplexity: figure.At(16)},
	}
	for _, c := range []struct {
		rule             string
		mass, gain, cost float64
		found            bool
	}{
		{"on a point it is the point", 0.1, 1.2, 10, true},
		{"half way it is half", 0.15, 1.4, 12, true},
		{"below the least mass there is none", 0.09, 0, 0, false},
		{"above the most there is none", 0.21, 0, 0, false},
	} {
		gain, cost, found := between(points, c.mass)
		if found != c.found || math.Abs(gain.Mid-c.gain) > 1e-12 || math.Abs(cost.Mid-c.cost) > 1e-12 {
			t.Errorf("%s: %v, %v, %v, want %v, %v, %v", c.rule, gain.Mid, cost.Mid, found, c.gain, c.cost, c.found)
		}
	}
}
