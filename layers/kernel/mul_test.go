package kernel

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"testing"
)

func testPackChecks(t *testing.T, lib Library) {
	for _, c := range []struct {
		name string
		len  int
		shape
	}{
		{"no rows", 0, shape{0, 4}},
		{"no columns", 0, shape{4, 0}},
		{"negative", 4, shape{-2, -2}},
		{"too few values", 7, shape{2, 4}},
		{"too many values", 9, shape{2, 4}},
	} {
		if _, err := lib.Pack(make([]float32, c.len), c.n, c.k); err == nil {
			t.Errorf("%s: Pack took %d values as %d×%d", c.name, c.len, c.n, c.k)
		}
	}
	mat := pack(t, lib, make([]float32, 6), shape{2, 3})
	if n, k := mat.Dims(); n != 2 || k != 3 {
		t.Errorf("Dims of a 2×3 matrix are %d×%d", n, k)
	}
}

func testPackCopies(t *testing.T, lib Library) {
	w := random(1, 6, 1)
	before := slices.Clone(w)
	mat := pack(t, lib, w, shape{2, 3})
	if i := firstDifference(w, before); i >= 0 {
		t.Fatalf("Pack changed w[%d] from %g to %g", i, before[i], w[i])
	}
	x := random(2, 3, 1)
	want := mul(mat, x, 1)
	clear(w)
	if got := mul(mat, x, 1); firstDifference(got, want) >= 0 {
		t.Errorf("the product changed with the slice that was packed: %v, then %v", want, got)
	}
}

// testPackFrom reads matrices by some rows at a time, each of them once and in order.
func testPackFrom(t *testing.T, lib Library) {
	for _, s := range []shape{{2, 3}, {300, 33}, {513, 16}} {
		w, x, next := random(5, s.n*s.k, 1), random(6, s.k, 1), 0
		mat, err := lib.PackFrom(func(dst []float32, first int) error {
			if first != next {
				t.Fatalf("%d×%d: row %d is read, want %d", s.n, s.k, first, next)
			}
			next = first + copy(dst, w[first*s.k:])/s.k
			return nil
		}, s.n, s.k)
		if err != nil {
			t.Fatal(err)
		}
		defer mat.Free()
		if i := firstDifference(mul(mat, x, 1), mul(pack(t, lib, w, s), x, 1)); i >= 0 || next != s.n {
			t.Errorf("%d×%d: %d rows were read, result %d differs", s.n, s.k, next, i)
		}
	}
}

// testPackFault reads a matrix up to a fault.
func testPackFault(t *testing.T, lib Library) {
	fault := errors.New("truncated")
	mat, err := lib.PackFrom(func([]float32, int) error { return fault }, 2, 3)
	if mat != nil || !errors.Is(err, fault) {
		t.Errorf("Pack made %T, error %v, want nil and %v", mat, err, fault)
	}
}

// testAccuracy bounds the error of each result by that of k roundings, γ_k Σ|x·w| (Higham, Accuracy and Stability of Numerical
// Algorithms, section 3.1), plus what k results below the normal range may lose.
func testAccuracy(t *testing.T, lib Library, dtype DType) {
	for _, s := range shapes(lib) {
		for _, v := range scales(s) {
			w, x := random(3, s.n*s.k, v.of), random(4, maxBatch*s.k, v.of)
			got := mul(pack(t, lib, w, s), x, maxBatch)
			for i := 0; i < maxBatch; i += sampling(s) {
				row := x[i*s.k:][:s.k]
				if err := dtype.checkRow(got[i*s.n:][:s.n], row, w); err != nil {
					t.Errorf("%d×%d, %s values, row %d: %v", s.n, s.k, v.name, i, err)
					break
				}
			}
		}
	}
}

// sampling is the step between rows compared with the reference, so that large shapes do not take minutes.
func sampling(s shape) int {
	return 1 + s.n*s.k/(1<<13)
}

func (d DType) checkRow(got, row, w []float32) error {
	n, k := len(got), len(row)
	lost := math.SmallestNonzeroFloat32
	if d == BF16 {
		row, w = rounded(row), rounded(w)
		lost = 0x1p-126 // the instruction for products of bf16 knows no subnormal values
	}
	want := make([]float32, n)
	Reference(want, row, w, 1, n, k)
	for j := range n {
		var size float64
		for l, v := range row {
			size += math.Abs(float64(v) * float64(w[j*k+l]))
		}
		if size > math.MaxFloat32 {
			continue
		}
		bound := float64(k+1)*(size*0x1p-24) + float64(k)*lost
		if diff := math.Abs(float64(got[j]) - float64(want[j])); !(diff <= bound) {
			return fmt.Errorf("column %d is %g, want %g: off by %g, bound %g", j, got[j], want[j], diff, bound)
		}
	}
	return nil
}

// rounded is v in bf16.
func rounded(v []float32) []float32 {
	r := make([]float32, len(v))
	roundTo(r, v)
	return r
}

func testAnyBatch(t *testing.T, lib Library) {
	for _, s := range shapes(lib) {
		for _, v := range scales(s) {
			x := random(6, maxBatch*s.k, v.of)
			mat := pack(t, lib, random(5, s.n*s.k, v.of), s)
			all := mul(mat, x, maxBatch)
			for i, m := range batches() {
				if v.of < 1 && i%6 > 0 {
					continue // results below the normal range take CPUs many times as long
				}
				for _, first := range places(s, m) {
					got := mul(mat, x[first*s.k:], m)
					if i := firstDifference(got, all[first*s.n:]); i >= 0 {
						t.Fatalf("%d×%d, %s values: row %d, column %d is %g in a batch of %d from row %d, and %g in a batch of %d",
							s.n, s.k, v.name, first+i/s.n, i%s.n, got[i], m, first, all[first*s.n+i], maxBatch)
					}
				}
			}
		}
	}
}

// places are the first rows of the batches of m rows to compare: the ends and the middle, or for large shapes one of them in turn.
func places(s shape, m int) []int {
	all := []int{0, (maxBatch - m) / 2, maxBatch - m}
	if s.large() {
		return all[m%3:][:1]
	}
	return all
}

func testAnyTeam(t *testing.T, one, team Library) {
	for _, s := range shapes(one) {
		x, w := random(8, maxBatch*s.k, 1), random(7, s.n*s.k, 1)
		want := mul(pack(t, one, w, s), x, maxBatch)
		mat := pack(t, team, w, s)
		for _, m := range batches() {
			got := mul(mat, x, m)
			if i := firstDifference(got, want); i >= 0 {
				t.Fatalf("%d×%d: row %d of %d, column %d is %g, and %g on one thread", s.n, s.k, i/s.n, m, i%s.n, got[i], want[i])
			}
		}
	}
}

// testManyRows has rows that are so many that they are cut into pieces.
func testManyRows(t *testing.T, one, team Library) {
	const most = 1300
	for _, s := range smallShapes {
		x, w := random(12, most*s.k, 1), random(13, s.n*s.k, 1)
		mat := pack(t, one, w, s)
		want := slices.Repeat([]float32{nan}, most*s.n)
		for first := 0; first < most; first += 50 {
			mat.MulTo(want[first*s.n:], Values{F32: x[first*s.k:]}, 50)
		}
		mat = pack(t, team, w, s)
		for _, m := range []int{511, 512, 513, 640, 641, 767, 768, 769, 960, most} {
			got := mul(mat, x, m)
			if i := firstDifference(got, want[:m*s.n]); i >= 0 {
				t.Fatalf("%d×%d: row %d of %d, column %d is %g, and %g among few rows", s.n, s.k, i/s.n, m, i%s.n, got[i], want[i])
			}
		}
	}
}

func testOnlyDst(t *testing.T, lib Library) {
	const guard = 64
	for _, s := range smallShapes {
		w := random(9, s.n*s.k, 1)
		mat := pack(t, lib, w, s)
		for _, m := range []int{0, 1, 7, 64, 130} {
			x := random(10, m*s.k, 1)
			xBefore := slices.Clone(x)
			buf := random(11, guard+m*s.n+guard, 1)
			before := slices.Clone(buf)
			mat.MulTo(buf[guard:], Values{F32: x}, m)
			if i := firstDifference(x, xBefore); i >= 0 {
				t.Errorf("%d×%d, %d rows: x[%d] changed", s.n, s.k, m, i)
			}
			if i := firstDifference(buf[:guard], before[:guard]); i >= 0 {
				t.Errorf("%d×%d, %d rows: changed what lies %d before dst", s.n, s.k, m, guard-i)
			}
			end := guard + m*s.n
			if i := firstDifference(buf[end:], before[end:]); i >= 0 {
				t.Errorf("%d×%d, %d rows: changed dst[m·n+%d]", s.n, s.k, m, i)
			}
		}
	}
}

func testNonFiniteRows(t *testing.T, lib Library) {
	for _, s := range smallShapes {
		w := random(12, s.n*s.k, 1)
		w[0] = 0
		mat := pack(t, lib, w, s)
		for _, m := range []int{2, 3, 17, 64, 130} {
			x := random(13, m*s.k, 1)
			want := mul(mat, x, m)
			bad := m / 2
			for _, v := range []float32{nan, inf, -inf} {
				x[bad*s.k] = v
				got := mul(mat, x, m)
				if !isNaN(got[bad*s.n]) {
					t.Errorf("%d×%d, row %d of %d: %g·0 gave %g", s.n, s.k, bad, m, v, got[bad*s.n])
				}
				copy(got[bad*s.n:][:s.n], want[bad*s.n:])
				if i := firstDifference(got, want); i >= 0 {
					t.Errorf("%d×%d: %g in row %d of %d reached row %d", s.n, s.k, v, bad, m, i/s.n)
				}
			}
		}
	}
}

func testNonFiniteWeights(t *testing.T, lib Library) {
	for _, s := range smallShapes {
		w := random(14, s.n*s.k, 1)
		w[(s.n-1)*s.k+s.k-1] = inf
		mat := pack(t, lib, w, s)
		for _, m := range []int{1, 5, 64, 130} {
			x := random(15, m*s.k, 1)
			for i := range m {
				x[i*s.k+s.k-1] = float32(i%3) - 1
			}
			got := mul(mat, x, m)
			for i := range m {
				last := got[i*s.n+s.n-1]
				if x := x[i*s.k+s.k-1]; x == 0 && !isNaN(last) || x != 0 && last != x*inf {
					t.Errorf("%d×%d, row %d of %d: %g·Inf gave %g", s.n, s.k, i, m, x, last)
				}
				if s.n > 1 && isNaN(got[i*s.n]) {
					t.Errorf("%d×%d, row %d of %d: Inf in the last column reached the first", s.n, s.k, i, m)
				}
			}
		}
	}
}

func testMisuse(t *testing.T, lib Library) {
	mat := pack(t, lib, make([]float32, 6), shape{2, 3})
	mustPanic(t, "negative rows", func() { mat.MulTo(nil, Values{}, -1) })
	mustPanic(t, "short x", func() { mat.MulTo(make([]float32, 4), Values{F32: make([]float32, 5)}, 2) })
	mustPanic(t, "short dst", func() { mat.MulTo(make([]float32, 3), Values{F32: make([]float32, 6)}, 2) })
	mat.Free()
	mat.Free()
	mustPanic(t, "product after Free", func() { mat.MulTo(make([]float32, 2), Values{F32: make([]float32, 3)}, 1) })
}

func mustPanic(t *testing.T, what string, do func()) {
	t.Helper()
	defer func() {
		if recover() == nil {
			t.Errorf("%s: no panic", what)
		}
	}()
	do()
}

// testConcurrent packs and multiplies matrices of one shape on several system threads, so that they share primitives in the making.
func testConcurrent(t *testing.T, lib Library) {
	s, rows := shape{72, 40}, 48
	x := random(16, rows*s.k, 1)
	var callers sync.WaitGroup
	for seed := range uint64(4) {
		w := random(seed, s.n*s.k, 1)
		want := mul(pack(t, lib, w, s), x, rows)
		callers.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			mat, err := lib.Pack(w, s.n, s.k)
			if err != nil {
				t.Error(err)
				return
			}
			defer mat.Free()
			for m := 1; m <= rows; m++ {
				if i := firstDifference(mul(mat, x, m), want); i >= 0 {
					t.Errorf("matrix %d: row %d of %d differs from that of a matrix alone", seed, i/s.n, m)
					return
				}
			}
		})
	}
	callers.Wait()
}

// testAnyThread takes one matrix through several system threads, one after the other.
func testAnyThread(t *testing.T, lib Library) {
	s, m := shape{300, 65}, 70
	mat := pack(t, lib, random(19, s.n*s.k, 1), s)
	x := random(20, m*s.k, 1)
	want := mul(mat, x, m)
	for thread := range 4 {
		got := make(chan []float32)
		go func() {
			runtime.LockOSThread() // never unlocked, so the thread ends with the goroutine
			got <- mul(mat, x, m)
		}()
		if i := firstDifference(<-got, want); i >= 0 {
			t.Errorf("thread %d: row %d, column %d differs", thread, i/s.n, i%s.n)
		}
	}
}

func testAllocations(t *testing.T, lib Library) {
	s, m := shape{200, 100}, 140
	mat := pack(t, lib, random(17, s.n*s.k, 1), s)
	x, dst := random(18, m*s.k, 1), make([]float32, m*s.n)
	if n := testing.AllocsPerRun(20, func() { mat.MulTo(dst, Values{F32: x}, m) }); n > 0 {
		t.Errorf("a product makes %g allocations", n)
	}
}

// testPackF32 multiplies by values that bf16 cannot hold.
func testPackF32(t *testing.T, lib Library) {
	mat, err := lib.PackF32([]float32{1 + 0x1p-20, 1 + 0x1p-12}, 1, 2)
	if err != nil {
		t.Fatal(err)
	}
	defer mat.Free()
	if got := mul(mat, []float32{1, -(1 + 0x1p-20)}, 1)[0]; got > -0.0002 || got < -0.0003 {
		t.Errorf("product is %g, want %g", got, -0x1p-12)
	}
}

// testRounding multiplies values of all kinds by one, as rows and as weights: what comes out is what went in, as it was rounded.
func testRounding(t *testing.T, lib Library, dtype DType) {
	v := roundingCases()
	one := shape{1, 1}
	asRows := mul(pack(t, lib, []float32{1}, one), v, len(v))
	for i, v := range v {
		want := dtype.round(v)
		if got := asRows[i]; got != want && !(isNaN(got) && isNaN(want)) {
			t.Errorf("%g in a row counts as %g, want %g", v, got, want)
		}
	}
	asWeights := mul(pack(t, lib, v, shape{len(v), 1}), []float32{1}, 1)
	for i, v := range v {
		want := dtype.round(v)
		if got := asWeights[i]; got != want && !(isNaN(got) && isNaN(want)) {
			t.Errorf("%g in the weights counts as %g, want %g", v, got, want)
		}
	}
}

func (d DType) round(v float32) float32 {
	if d == BF16 {
		return RoundBF16(v)
	}
	return v
}
