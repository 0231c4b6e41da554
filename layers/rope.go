package layers

import "math"

// rope is rotary position embedding (Su et al. 2021) in the half-split form: element
// j of a head is paired with element j + d/2.
type rope struct {
	freqs    []float32 // [d/2] radians per position
	cos, sin []float32 // [positions, d/2], grown as sequences need
}

func newRope(headDim int, theta float64) *rope {
	r := &rope{freqs: make([]float32, headDim/2)}
	for i := range r.freqs {
		r.freqs[i] = float32(1 / math.Pow(theta, float64(2*i)/float64(headDim)))
	}
	return r
}

// grow extends the tables to n positions.
func (r *rope) grow(n int) {
	half := len(r.freqs)
	for pos := len(r.cos) / max(half, 1); pos < n; pos++ {
		for _, f := range r.freqs {
			sin, cos := math.Sincos(float64(float32(pos) * f))
			r.cos, r.sin = append(r.cos, float32(cos)), append(r.sin, float32(sin))
		}
	}
}

// rotate turns one row of heads, [heads × d], to position pos, in place. The tables
// reach pos.
func (r *rope) rotate(row []float32, pos int) {
	half := len(r.freqs)
	cos, sin := r.cos[pos*half:(pos+1)*half], r.sin[pos*half:(pos+1)*half]
	for at := 0; at < len(row); at += 2 * half {
		a, b := row[at:at+half], row[at+half:at+2*half]
		for i, c := range cos {
			x, y := a[i], b[i]
			a[i], b[i] = x*c-y*sin[i], y*c+x*sin[i]
		}
	}
}
