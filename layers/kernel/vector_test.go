package kernel

import (
	"fmt"
	"math"
	"slices"
	"testing"
)

func TestExpWithinTwoUlps(t *testing.T) {
	worst := 0.0
	for x := float32(-87.3); x < 88.7; x += 0.00037 {
		want := math.Exp(float64(x))
		ulp := float64(math.Nextafter32(float32(want), inf)) - float64(float32(want))
		worst = max(worst, math.Abs(float64(exp32(x))-want)/ulp)
	}
	if !(worst <= 2) {
		t.Errorf("off by %g units in the last place", worst)
	}
	for _, c := range [][2]float32{{0, 1}, {-inf, 0}, {inf, inf}, {-88, 0}, {89, inf}} {
		if got := exp32(c[0]); got != c[1] {
			t.Errorf("exp(%g) is %g, want %g", c[0], got, c[1])
		}
	}
	if got := exp32(nan); !isNaN(got) {
		t.Errorf("exp(NaN) is %g", got)
	}
}

// vectorRows are rows of many lengths and ranges, with values that are not finite.
func vectorRows(width int) []float32 {
	var x []float32
	for i, scale := range []float32{1, 30, 100, 1e-20, 1e20} {
		x = append(x, random(uint64(width*10+i), width, scale)...)
	}
	for i, odd := range []float32{nan, inf, -inf, 90, -90} {
		row := random(uint64(width*10+i+5), width, 1)
		row[(7*i)%width] = odd
		x = append(x, row...)
	}
	return x
}

var vectorWidths = append(batches()[:40:40], 63, 64, 127, 130, 500, 1024)

// Products with single rows give, bit by bit, what the portable ones do, for heads that share rows or have their own, and leave what lies between them.
func TestSingleRowsEqualPortable(t *testing.T) {
	testSingleRows(t)
}

func testSingleRows(t *testing.T) {
	t.Helper()
	for _, width := range vectorWidths {
		for _, n := range []int{0, 1, 5, 16, 64} {
			for _, heads := range []Heads{{N: 1, Shared: 1}, {N: 3, Shared: 1}, {N: 6, Shared: 2}, {N: 3, Shared: 3}} {
				heads.Width, heads.Weights, heads.Rows = width+1, n+2, (n+1)*(width+3)
				values := random(1, heads.N*heads.Rows, 1)
				for _, v := range []Values{{F32: values}, {BF16: inBF16(values)}} {
					x := Rows{v, n, width, width + 3}
					queries, weights := random(2, heads.N*heads.Width, 1), random(3, heads.N*heads.Weights, 1)
					got, want := slices.Clone(weights), slices.Clone(weights)
					AddDots(got, queries, 0.25, x, heads)
					dotsPortable(want, queries, 0.25, x, heads)
					if i := firstDifference(got, want); i >= 0 {
						t.Fatalf("%+v, %d rows of %d: dot %d is %g, want %g", heads, n, width, i, got[i], want[i])
					}
					got, want = slices.Clone(queries), slices.Clone(queries)
					AddWeighted(got, weights, x, heads)
					weighPortable(want, weights, x, heads)
					if i := firstDifference(got, want); i >= 0 {
						t.Fatalf("%+v, %d rows of %d: sum %d is %g, want %g", heads, n, width, i, got[i], want[i])
					}
				}
			}
		}
	}
}

// A sum of rows that lie apart has the bits of adding one after the other, wherever they lie.
func TestRowsApartEqualPortable(t *testing.T) {
	for _, width := range vectorWidths {
		for n := range MostApart + 1 {
			weights := random(6, n, 1)
			var rows [MostApart][]float32
			for r := range n {
				rows[r] = random(uint64(10+r), width+r, 1)[r:] // aligned in many ways
			}
			got, want := random(7, width+1, 1), random(7, width+1, 1)
			AddApart(got[:width], weights, &rows)
			weighApartPortable(want[:width], weights, &rows)
			if i := firstDifference(got, want); i >= 0 {
				t.Fatalf("%d rows of %d: sum %d is %g, want %g", n, width, i, got[i], want[i])
			}
		}
	}
}

// The build's own operations give, bit by bit, what the portable ones do, wherever rows lie.
// Heads of any width, wherever they lie, are turned as by the portable rotation.
func TestRotateEqualsPortable(t *testing.T) {
	for _, half := range vectorWidths {
		cos, sin := random(8, half, 1), random(9, half, 1)
		for _, n := range []int{0, 1, 3} {
			for at := range 3 {
				got, want := random(10, at+n*2*half+1, 1), random(10, at+n*2*half+1, 1)
				Rotate(got[at:at+n*2*half], cos, sin)
				rotatePortable(want[at:at+n*2*half], cos, sin)
				if i := firstDifference(got, want); i >= 0 {
					t.Fatalf("%d heads of %d from %d on: value %d is %g, want %g", n, 2*half, at, i, got[i], want[i])
				}
			}
		}
	}
}

func TestVectorsEqualPortable(t *testing.T) {
	for _, op := range []struct {
		name      string
		own, want func(x []float32, width int)
	}{
		{"softmax", func(x []float32, width int) { Softmax(x, width, -inf) }, func(x []float32, width int) { softmaxPortable(x, width, -inf) }},
		{"softmax beside", func(x []float32, width int) { Softmax(x, width, 0.5) }, func(x []float32, width int) { softmaxPortable(x, width, 0.5) }},
		{"swiglu", gated(GateTo, Gate{}), gated(gatePortable, Gate{})},
		{"clamped", gated(GateTo, Gate{Limit: 7, Alpha: 1.702}), gated(gatePortable, Gate{Limit: 7, Alpha: 1.702})},
		{"norm", normed(RMSNormTo), normed(normPortable)},
	} {
		for _, width := range vectorWidths {
			width *= 2
			x := vectorRows(width)
			want := slices.Clone(x)
			op.want(want, width)
			for offset := range 3 {
				got := moved(x, offset)
				op.own(got, width)
				if i := firstUnequal(got, want); i >= 0 {
					t.Errorf("%s: value %d of row %d of %d is %g, want %g", op.name, i%width, i/width, width, got[i], want[i])
				}
			}
		}
	}
}

// gated runs an activation in place of the gate half.
func gated(op func(dst, x []float32, inner int, g Gate), g Gate) func(x []float32, width int) {
	return func(x []float32, width int) {
		dst := make([]float32, len(x)/2)
		op(dst, x, width/2, g)
		clear(x)
		copy(x, dst)
	}
}

func normed(op func(dst, x, w []float32, eps float32)) func(x []float32, width int) {
	return func(x []float32, width int) { op(x, x, random(99, width, 1), 1e-5) }
}

// firstUnequal is firstDifference where any NaN equals another.
func firstUnequal(a, b []float32) int {
	for i := range a {
		if math.Float32bits(a[i]) != math.Float32bits(b[i]) && !(isNaN(a[i]) && isNaN(b[i])) {
			return i
		}
	}
	return -1
}

func TestSoftmaxEqualsFloat64(t *testing.T) {
	for _, more := range []float32{-inf, -1, 3} {
		for _, width := range vectorWidths {
			x := random(uint64(width), width, 5)
			top := float64(max(more, slices.Max(x)))
			sum := math.Exp(float64(more))
			for _, v := range x {
				sum += math.Exp(float64(v))
			}
			got := slices.Clone(x)
			Softmax(got, width, more)
			for i, v := range x {
				want := math.Exp(float64(v)) / sum
				bound := (8 + top - float64(v)) * 0x1p-24 // that of the difference to the largest, which is rounded, and of a few more roundings
				if math.Abs(float64(got[i])-want) > bound*want {
					t.Errorf("value %d of %d beside %g is %g, want %g", i, width, more, got[i], want)
				}
			}
		}
	}
}

func TestGateByHand(t *testing.T) {
	for _, c := range []struct {
		gate Gate
		g, u float32
		want float64
	}{
		{Gate{}, 2, 3, 2 / (1 + math.Exp(-2)) * 3},
		{Gate{}, -100, 3, 0},
		{Gate{}, 100, 3, 300},
		{Gate{Limit: 7, Alpha: 1.702}, 1, 2, 1 / (1 + math.Exp(-1.702)) * 3},
		{Gate{Limit: 7, Alpha: 1.702}, 50, 50, 7 / (1 + math.Exp(-1.702*7)) * 8},
		{Gate{Limit: 7, Alpha: 1.702}, 1, -50, 1 / (1 + math.Exp(-1.702)) * -6},
	} {
		var got [1]float32
		GateTo(got[:], []float32{c.g, c.u}, 1, c.gate)
		if math.Abs(float64(got[0])-c.want) > 1e-6*math.Abs(c.want) {
			t.Errorf("gate %g, up %g, limit %g: %g, want %g", c.g, c.u, c.gate.Limit, got[0], c.want)
		}
	}
}

func TestRMSNormEqualsFloat64(t *testing.T) {
	for _, width := range vectorWidths {
		x, w := random(uint64(width), width, 3), random(7, width, 1)
		squares := 0.0
		for _, v := range x {
			squares += float64(v) * float64(v)
		}
		got := make([]float32, width)
		RMSNormTo(got, x, w, 1e-5)
		for i, v := range x {
			want := float64(w[i]) * float64(v) / math.Sqrt(squares/float64(width)+1e-5)
			if math.Abs(float64(got[i])-want) > 3e-7*math.Abs(want) {
				t.Errorf("value %d of %d is %g, want %g", i, width, got[i], want)
			}
		}
	}
}

func TestVectorMisusePanics(t *testing.T) {
	v := make([]float32, 10)
	mustPanic(t, "rows that do not fit", func() { Softmax(v, 3, 0) })
	mustPanic(t, "rows of nothing", func() { Softmax(v, 0, 0) })
	mustPanic(t, "short dst of a gate", func() { GateTo(v[:4], v, 5, Gate{}) })
	mustPanic(t, "a short row apart", func() { AddApart(v, v[:1], &[MostApart][]float32{v[1:]}) })
	mustPanic(t, "fewer sines than cosines", func() { Rotate(v[:4], v[:2], v[:1]) })
	mustPanic(t, "half a head", func() { Rotate(v[:6], v[:2], v[:2]) })
	mustPanic(t, "short dst of a norm", func() { RMSNormTo(v[:4], v, v[:5], 0) })
	rows, two := Rows{Values{F32: v[:9]}, 2, 2, 3}, Heads{N: 2, Shared: 1, Width: 2, Weights: 2, Rows: 4} // of 9, 4 and 4 values
	AddDots(v[:4], v[:4], 1, rows, two)
	for what, misuse := range map[string]func(x *Rows, h *Heads, queries, scores *int){
		"short rows":        func(x *Rows, _ *Heads, _, _ *int) { x.F32 = v[:8] },
		"short queries":     func(_ *Rows, _ *Heads, queries, _ *int) { *queries = 3 },
		"short scores":      func(_ *Rows, _ *Heads, _, scores *int) { *scores = 3 },
		"rows on rows":      func(x *Rows, _ *Heads, _, _ *int) { x.Stride = 1 },
		"no head":           func(_ *Rows, h *Heads, _, _ *int) { h.N = 0 },
		"rows for no heads": func(_ *Rows, h *Heads, _, _ *int) { h.Shared = 0 },
	} {
		x, h, queries, scores := rows, two, 4, 4
		misuse(&x, &h, &queries, &scores)
		mustPanic(t, what+" of products", func() { AddDots(v[:scores], v[:queries], 1, x, h) })
		mustPanic(t, what+" of sums", func() { AddWeighted(v[:queries], v[:scores], x, h) })
	}
}

func BenchmarkVectors(b *testing.B) {
	const rows, width = 64, 2048
	x, y := random(1, rows*width, 1), make([]float32, rows*width)
	for _, op := range []struct {
		name          string
		own, portable func()
	}{
		{"softmax", func() { Softmax(x, width, 1) }, func() { softmaxPortable(x, width, 1) }},
		{"swiglu", func() { GateTo(y, x, width/2, Gate{}) }, func() { gatePortable(y, x, width/2, Gate{}) }},
		{"norm", func() { RMSNormTo(y, x, x[:width], 1) }, func() { normPortable(y, x, x[:width], 1) }},
	} {
		for name, do := range map[string]func(){"own": op.own, "portable": op.portable} {
			b.Run(fmt.Sprintf("%s/%s", op.name, name), func(b *testing.B) {
				b.SetBytes(4 * rows * width)
				for b.Loop() {
					do()
				}
			})
		}
	}
}
