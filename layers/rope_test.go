package layers

import (
	"math"
	"testing"
)

func TestRopeFrequencies(t *testing.T) {
	const dim = 8
	plain := func(i int) float64 { return math.Pow(10000, -2*float64(i)/dim) }
	yarn := YarnConfig{Factor: 4, Positions: 1 << 12, BetaFast: 32, BetaSlow: 1}
	for _, c := range []struct {
		rule string
		cfg  RopeConfig
		want func(i int) float64
	}{
		{"theta alone", RopeConfig{Theta: 10000}, plain},
		{"a linear stretch divides all", RopeConfig{Theta: 10000, Linear: 4}, func(i int) float64 { return plain(i) / 4 }},
		// 4096 positions turn elements 0, 1, 2, 3 by 652, 65, 6.5 and 0.65 rounds: the
		// ramp goes from element 1.31 to 2.81, rounded outwards to 1 and 3.
		{"yarn keeps the fast and divides the slow", RopeConfig{Theta: 10000, Yarn: yarn}, func(i int) float64 {
			return plain(i) * []float64{1, 1, 0.5 + 0.5/4, 1.0 / 4}[i]
		}},
		{"yarn without a ramp has a step", RopeConfig{Theta: 10000, Yarn: YarnConfig{Factor: 4, Positions: 1 << 12, BetaFast: 32, BetaSlow: 32, Exact: true}}, func(i int) float64 {
			return plain(i) * []float64{1, 1, 1.0 / 4, 1.0 / 4}[i]
		}},
		{"yarn keeps all where no element turns that often", RopeConfig{Theta: 10000, Yarn: YarnConfig{Factor: 4, Positions: 4, BetaFast: 32, BetaSlow: 1, Exact: true}}, plain},
	} {
		t.Run(c.rule, func(t *testing.T) {
			r := newRope(dim, c.cfg)
			for i, f := range r.freqs {
				if want := c.want(i); math.Abs(float64(f)-want) > 1e-6*want {
					t.Errorf("frequency %d is %v, want %v", i, f, want)
				}
			}
		})
	}
}

func TestYarnRampThatIsNotRounded(t *testing.T) {
	y := YarnConfig{Factor: 4, Positions: 1 << 12, BetaFast: 32, BetaSlow: 1, Exact: true}
	low := 8 * math.Log(4096/(2*math.Pi*32)) / (2 * math.Log(10000))
	high := 8 * math.Log(4096/(2*math.Pi)) / (2 * math.Log(10000))
	if want := 1 - (2-low)/(high-low); math.Abs(y.keep(2, 8, 10000)-want) > 1e-12 {
		t.Errorf("element 2 keeps %v, want %v", y.keep(2, 8, 10000), want)
	}
}

// Turning keeps lengths, times the amplitude, and products of rows equally far apart.
func TestRopeTurns(t *testing.T) {
	r := newRope(4, RopeConfig{Theta: 100, Yarn: YarnConfig{Amplitude: 1.5}})
	r.grow(20)
	dotAt := func(a, b int) float64 {
		q, k := []float32{1, 2, 3, 4}, []float32{-2, 1, 0.5, 1}
		r.rotate(q, a)
		r.rotate(k, b)
		return dot(q, k)
	}
	for _, gap := range []int{0, 1, 7} {
		first := dotAt(gap, 0)
		for at := range 12 {
			if got := dotAt(at+gap, at); math.Abs(got-first) > 1e-5 {
				t.Errorf("gap %d at %d: product %v, at 0 %v", gap, at, got, first)
			}
		}
	}
	if want := 1.5 * 1.5 * 5.5; math.Abs(dotAt(3, 3)-want) > 1e-5 {
		t.Errorf("product in one place %v, want %v", dotAt(3, 3), want)
	}
}
