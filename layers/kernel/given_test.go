package kernel

import (
	"slices"
	"testing"
)

// testGivenBF16 is the part of the suite about rows that come in bf16.
func testGivenBF16(t *testing.T, make func(threads int) Library) {
	t.Run("rows given in bf16 give the bits of the same rows in float32", func(t *testing.T) {
		for _, threads := range []int{1, 3} {
			testGivenBits(t, make(threads))
		}
	})
	t.Run("rows given in bf16 are not changed, nor is more than their results", func(t *testing.T) { testGivenOnlyDst(t, make(1)) })
	t.Run("rows given in bf16 allocate nothing", func(t *testing.T) { testGivenAllocations(t, make(1)) })
	t.Run("misuse of rows given in bf16 panics", func(t *testing.T) { testGivenMisuse(t, make(1)) })
}

// inBF16 is x rounded.
func inBF16(x []float32) []uint16 {
	v := make([]uint16, len(x))
	RoundBF16To(v, x)
	return v
}

// mulBF16 is mul of rows in bf16.
func mulBF16(mat Matrix, x []uint16, m int) []float32 {
	n, _ := mat.Dims()
	dst := slices.Repeat([]float32{nan}, m*n)
	mat.MulTo(dst, Values{BF16: x}, m)
	return dst
}

func testGivenBits(t *testing.T, lib Library) {
	for _, s := range shapes(lib) {
		for _, v := range scales(s) {
			x := random(21, maxBatch*s.k, v.of)
			x[s.k] = inf
			mat := pack(t, lib, random(22, s.n*s.k, v.of), s)
			for _, m := range []int{1, 2, 11, 12, 13, 16, 17, 33, 121, 129, maxBatch} {
				want := mul(mat, x, m)
				if i := firstUnequal(mulBF16(mat, inBF16(x[:m*s.k]), m), want); i >= 0 {
					t.Fatalf("%d×%d, %s values: row %d of %d, column %d differs from %g", s.n, s.k, v.name, i/s.n, m, i%s.n, want[i])
				}
			}
		}
	}
	v := roundingCases()
	one := pack(t, lib, []float32{1}, shape{1, 1})
	want := mul(one, v, len(v))
	if i := firstUnequal(mulBF16(one, inBF16(v), len(v)), want); i >= 0 {
		t.Errorf("%g given in bf16 counts not as %g", v[i], want[i])
	}
}

func testGivenOnlyDst(t *testing.T, lib Library) {
	const guard = 64
	for _, s := range smallShapes {
		mat := pack(t, lib, random(23, s.n*s.k, 1), s)
		for _, m := range []int{0, 1, 17, 130} {
			x := inBF16(random(24, m*s.k+1, 1))[1:] // aligned to 2 bytes only
			xBefore := slices.Clone(x)
			buf := random(25, guard+m*s.n+guard, 1)
			before := slices.Clone(buf)
			mat.MulTo(buf[guard:], Values{BF16: x}, m)
			end := guard + m*s.n
			if !slices.Equal(x, xBefore) || firstDifference(buf[:guard], before[:guard]) >= 0 || firstDifference(buf[end:], before[end:]) >= 0 {
				t.Errorf("%d×%d, %d rows: changed more than its results", s.n, s.k, m)
			}
		}
	}
}

func testGivenAllocations(t *testing.T, lib Library) {
	s, m := shape{200, 100}, 140
	mat := pack(t, lib, random(26, s.n*s.k, 1), s)
	x, dst := inBF16(random(27, m*s.k, 1)), make([]float32, m*s.n)
	if n := testing.AllocsPerRun(20, func() { mat.MulTo(dst, Values{BF16: x}, m) }); n > 0 {
		t.Errorf("a product makes %g allocations", n)
	}
}

func testGivenMisuse(t *testing.T, lib Library) {
	mat := pack(t, lib, make([]float32, 6), shape{2, 3})
	mustPanic(t, "short x", func() { mat.MulTo(make([]float32, 4), Values{BF16: make([]uint16, 5)}, 2) })
	mustPanic(t, "short dst", func() { mat.MulTo(make([]float32, 3), Values{BF16: make([]uint16, 6)}, 2) })
	mat.Free()
	mustPanic(t, "product after Free", func() { mat.MulTo(make([]float32, 2), Values{BF16: make([]uint16, 3)}, 1) })
}

func testRefusesBF16(t *testing.T, lib Library) {
	mat, err := lib.PackF32(make([]float32, 6), 2, 3)
	if err != nil {
		t.Fatal(err)
	}
	defer mat.Free()
	mustPanic(t, "rows of bf16", func() { mat.MulTo(make([]float32, 2), Values{BF16: make([]uint16, 3)}, 1) })
}
