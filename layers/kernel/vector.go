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

// Rows is N neighbouring rows of Width values, Stride apart.
type Rows struct {
	Values
	N, Width, Stride int
}

// Heads is how N heads lie, Shared neighbours of which have the same rows: how many values are between the queries or results of neighbours, between their
// scores or weights, and between one's rows and the next's.
type Heads struct {
	N, Shared            int
	Width, Weights, Rows int
}

// AddDots adds to every dst[r] of each head the product of its q with row r of its x, times scale.
func AddDots(dst, q []float32, scale float32, x Rows, heads Heads) {
	heads.check("dots", x, len(q), len(dst))
	if x.N > 0 && x.Width > 0 {
		dots(dst, q, scale, x, heads)
	}
}

// AddWeighted adds to each head's dst every row r of its x, times its weights[r].
func AddWeighted(dst, weights []float32, x Rows, heads Heads) {
	heads.check("weighted rows", x, len(dst), len(weights))
	if x.N > 0 && x.Width > 0 {
		weigh(dst, weights, x, heads)
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

// check panics if rows lie on each other, or what there is of rows, of queries or results, and of scores or weights is too short.
func (h Heads) check(op string, x Rows, values, weights int) {
	if x.Stride < x.Width {
		panic(fmt.Sprintf("kernel: %s: rows are %d wide and %d apart", op, x.Width, x.Stride))
	}
	if h.N < 1 || h.Shared < 1 {
		panic(fmt.Sprintf("kernel: %s: %d heads, of which %d share rows", op, h.N, h.Shared))
	}
	if x.N == 0 || x.Width == 0 {
		return
	}
	for _, part := range []struct {
		name             string
		n, apart, of, is int
	}{
		{"rows", (h.N - 1) / h.Shared, h.Rows, (x.N-1)*x.Stride + x.Width, x.Len()},
		{"queries or results", h.N - 1, h.Width, x.Width, values},
		{"scores or weights", h.N - 1, h.Weights, x.N, weights},
	} {
		if need := part.n*part.apart + part.of; part.is < need {
			panic(fmt.Sprintf("kernel: %s: %d heads of %d rows of %d, %d apart: %s need %d values, slice holds %d", op, h.N, x.N, x.Width, x.Stride, part.name, need, part.is))
		}
	}
}

func checkRows(op string, x []float32, width int) {
	if width < 1 || len(x)%width != 0 {
		panic(fmt.Sprintf("kernel: %s: %d values in rows of %d", op, len(x), width))
	}
}
