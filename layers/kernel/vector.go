package kernel

import "fmt"

// The operations on rows below are the same arithmetic in C, which is vectorised, and in Go: no product is fused with a sum, and a
// sum over a row is made in lanes. So their bits are the same in every build, on every CPU, wherever a row lies and whatever is
// beside it.

// Softmax turns every row of x, [n, width], into its part of the softmax of the row and one more value, in place. A value of -Inf takes no
// part; more is -Inf where there is no other value.
func Softmax(x []float32, width int, more float32) {
	checkRows("softmax", x, width)
	if len(x) > 0 {
		softmaxRows(x, width, more)
	}
}

// Gate joins the gate and up halves of a perceptron. The zero value is SwiGLU (Shazeer 2020), gate·sigmoid(gate)·up. With a limit it is
// that of gpt-oss:
//
//	gate·sigmoid(Alpha·gate)·(up + 1)    with gate ≤ Limit and |up| ≤ Limit
type Gate struct {
	Limit float32
	Alpha float32
}

// GateTo computes dst [n, inner] from the rows of gateUp, [n, 2·inner], whose gate half comes first.
func GateTo(dst, gateUp []float32, inner int, g Gate) {
	checkRows("gate", gateUp, 2*inner)
	if len(dst) < len(gateUp)/2 {
		panic(fmt.Sprintf("kernel: gate: %d rows of %d need %d values, dst holds %d", len(gateUp)/(2*inner), inner, len(gateUp)/2, len(dst)))
	}
	if len(gateUp) > 0 {
		gateRows(dst, gateUp, inner, g)
	}
}

// RMSNormTo computes dst = w ⊙ x / sqrt(mean(x²) + eps) for every row of x, [n, len(w)], with float64 sums. dst may be x. (Zhang, Sennrich 2019.)
func RMSNormTo(dst, x, w []float32, eps float32) {
	checkRows("rms norm", x, len(w))
	if len(dst) < len(x) {
		panic(fmt.Sprintf("kernel: rms norm: x holds %d values, dst %d", len(x), len(dst)))
	}
	if len(x) > 0 {
		normRows(dst, x, w, eps)
	}
}

// Rotate turns heads, [·, 2·len(cos)], in place: elements j and j + len(cos) of each are a point that turns by the angle of which cos and sin
// are given. (Su et al. 2021.)
func Rotate(heads, cos, sin []float32) {
	if len(sin) != len(cos) {
		panic(fmt.Sprintf("kernel: rotate: %d sines for %d cosines", len(sin), len(cos)))
	}
	if len(heads) > 0 {
		checkRows("rotate", heads, 2*len(cos))
		rotateHeads(heads, cos, sin)
	}
}

// Rows is neighbouring rows of values, Stride apart.
type Rows struct {
	Values
	Stride int
}

// AddDots adds to every dst[r] the product of q with row r of x, times scale. Rows are as long as q.
func AddDots(dst, q []float32, scale float32, x Rows) {
	x.check("dots", len(dst), len(q))
	if len(dst) > 0 && len(q) > 0 {
		dots(dst, q, scale, x)
	}
}

// AddWeighted adds to dst every row r of x, times weights[r]. Rows are as long as dst.
func AddWeighted(dst, weights []float32, x Rows) {
	x.check("weighted rows", len(weights), len(dst))
	if len(dst) > 0 && len(weights) > 0 {
		weigh(dst, weights, x)
	}
}

// MostApart is how many rows AddApart takes at once.
const MostApart = 8

// AddApart adds to dst len(weights) rows that lie anywhere, at most MostApart, each times its weight. Rows are at least as long as dst.
func AddApart(dst, weights []float32, rows *[MostApart][]float32) {
	for r := range weights {
		if len(rows[r]) < len(dst) {
			panic(fmt.Sprintf("kernel: rows apart: row %d holds %d values, dst %d", r, len(rows[r]), len(dst)))
		}
	}
	if len(dst) > 0 && len(weights) > 0 {
		weighApart(dst, weights, rows)
	}
}

func (x Rows) check(op string, n, width int) {
	if x.Stride < width {
		panic(fmt.Sprintf("kernel: %s: rows are %d wide and %d apart", op, width, x.Stride))
	}
	if need := (n-1)*x.Stride + width; n > 0 && x.Len() < need {
		panic(fmt.Sprintf("kernel: %s: %d rows of %d, %d apart, need %d values, slice holds %d", op, n, width, x.Stride, need, x.Len()))
	}
}

func checkRows(op string, x []float32, width int) {
	if width < 1 || len(x)%width != 0 {
		panic(fmt.Sprintf("kernel: %s: %d values in rows of %d", op, len(x), width))
	}
}
