package kernel

import (
	"math"
	"slices"
	"testing"
)

// testParts computes products part by part: every column is computed by one part, with the bits of the whole.
func testParts(t *testing.T, lib Library) {
	for _, s := range shapes(lib) {
		x := random(31, 130*s.k, 1)
		mat := pack(t, lib, random(32, s.n*s.k, 1), s)
		for _, m := range []int{0, 1, 16, 33, 130} {
			want := mul(mat, x, m)
			for _, parts := range []int{1, 2, 3, 7} {
				by := make([]int, m*s.n) // how many parts have computed a value
				for part := range parts {
					got := slices.Repeat([]float32{nan}, m*s.n)
					mat.MulPartTo(got, Values{F32: x}, m, part, parts)
					for i, v := range got {
						if isNaN(v) {
							continue
						}
						if by[i]++; math.Float32bits(v) != math.Float32bits(want[i]) {
							t.Fatalf("%d×%d, part %d of %d: row %d of %d, column %d is %g, %g in one product", s.n, s.k, part, parts, i/s.n, m, i%s.n, v, want[i])
						}
					}
				}
				if i := slices.IndexFunc(by, func(n int) bool { return n != 1 }); i >= 0 {
					t.Fatalf("%d×%d, %d parts: row %d of %d, column %d is computed by %d of them", s.n, s.k, parts, i/s.n, m, i%s.n, by[i])
				}
			}
		}
	}
}

func testPartAllocations(t *testing.T, lib Library) {
	s, m := shape{200, 100}, 40
	mat := pack(t, lib, random(33, s.n*s.k, 1), s)
	x, dst := random(34, m*s.k, 1), make([]float32, m*s.n)
	if n := testing.AllocsPerRun(20, func() { mat.MulPartTo(dst, Values{F32: x}, m, 1, 2) }); n > 0 {
		t.Errorf("a part of a product makes %g allocations", n)
	}
}

func testPartMisuse(t *testing.T, lib Library) {
	mat := pack(t, lib, make([]float32, 6), shape{2, 3})
	dst, x := make([]float32, 2), Values{F32: make([]float32, 3)}
	mustPanic(t, "a negative part", func() { mat.MulPartTo(dst, x, 1, -1, 2) })
	mustPanic(t, "a part beyond the last", func() { mat.MulPartTo(dst, x, 1, 2, 2) })
	mustPanic(t, "short x", func() { mat.MulPartTo(dst, x.Slice(0, 2), 1, 0, 2) })
	mat.Free()
	mustPanic(t, "part of a product after Free", func() { mat.MulPartTo(dst, x, 1, 0, 2) })
}
