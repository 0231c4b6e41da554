package layers

import (
	"math"

	"capmoe/layers/kernel"
)

// rope is rotary position embedding (Su et al. 2021) in the half-split form: element
// j of a head is paired with element j + d/2.
type rope struct {
	freqs     []float32 // [d/2] radians per position
	amplitude float64
	cos, sin  []float32 // [positions, d/2], grown as sequences need
}

func newRope(dim int, cfg RopeConfig) *rope {
	r := &rope{freqs: make([]float32, dim/2), amplitude: 1}
	if cfg.Yarn.Amplitude != 0 {
		r.amplitude = float64(cfg.Yarn.Amplitude)
	}
	for i := range r.freqs {
		freq := 1 / math.Pow(cfg.Theta, float64(2*i)/float64(dim))
		switch {
		case cfg.Yarn.Factor > 0:
			keep := cfg.Yarn.keep(i, dim, cfg.Theta)
			freq = freq*keep + freq/cfg.Yarn.Factor*(1-keep)
		case cfg.Linear > 0:
			freq /= cfg.Linear
		}
		r.freqs[i] = float32(freq)
	}
	return r
}

// keep is how much of frequency i of a head of dim elements stays as it is, 0 to 1;
// the rest of it is divided by Factor. It falls in a straight line from the element
// that turns BetaFast times over Positions to the one that turns BetaSlow times.
func (y YarnConfig) keep(i, dim int, theta float64) float64 {
	element := func(turns float64) float64 {
		return float64(dim) * math.Log(float64(y.Positions)/(2*math.Pi*turns)) / (2 * math.Log(theta))
	}
	low, high := element(y.BetaFast), element(y.BetaSlow)
	if !y.Exact {
		low, high = math.Floor(low), math.Ceil(high)
	}
	low, high = max(low, 0), min(high, float64(dim-1))
	if low == high {
		high += 0.001
	}
	return 1 - min(max((float64(i)-low)/(high-low), 0), 1)
}

// grow extends the tables to n positions.
func (r *rope) grow(n int) {
	half := len(r.freqs)
	for pos := len(r.cos) / max(half, 1); pos < n; pos++ {
		for _, f := range r.freqs {
			sin, cos := math.Sincos(float64(float32(pos) * f))
			r.cos = append(r.cos, float32(cos*r.amplitude))
			r.sin = append(r.sin, float32(sin*r.amplitude))
		}
	}
}

// rotate turns one row of heads, [heads × d], to position pos, in place. The tables
// reach pos.
func (r *rope) rotate(row []float32, pos int) {
	half := len(r.freqs)
	kernel.Rotate(row, r.cos[pos*half:(pos+1)*half], r.sin[pos*half:(pos+1)*half])
}
