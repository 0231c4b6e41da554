package kernel

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
)

// gemmCases are products as attention has them, and odd ones.
func gemmCases() []Gemm {
	var cases []Gemm
	for _, d := range [][3]int{{1, 1, 1}, {1, 300, 48}, {1, 64, 513}, {7, 48, 9}, {17, 33, 64}, {64, 64, 64}, {65, 130, 129}, {200, 257, 128}} {
		for _, transB := range []bool{false, true} {
			for _, accumulate := range []bool{false, true} {
				for _, alpha := range []float32{1, -0.125} {
					for _, gap := range []int{0, 3} {
						cases = append(cases, newGemm(Gemm{M: d[0], N: d[1], K: d[2], TransB: transB, Accumulate: accumulate, Alpha: alpha}, gap))
					}
				}
			}
		}
	}
	return cases
}

// newGemm gives g random operands whose rows lie gap values apart.
func newGemm(g Gemm, gap int) Gemm {
	bRows, bCols := g.K, g.N
	if g.TransB {
		bRows, bCols = g.N, g.K
	}
	g.LDA, g.LDB, g.LDC = g.K+gap, bCols+gap, g.N+gap
	g.A, g.B, g.C = random(1, g.M*g.LDA, 1), random(2, bRows*g.LDB, 1), random(3, g.M*g.LDC, 1)
	return g
}

func describe(g Gemm) string {
	return fmt.Sprintf("%d×%d×%d, transB %t, accumulate %t, alpha %g, rows of C %d apart", g.M, g.N, g.K, g.TransB, g.Accumulate, g.Alpha, g.LDC)
}

func testGemmAccuracy(t *testing.T, lib Library) {
	for _, g := range gemmCases() {
		old := slices.Clone(g.C)
		if !g.Accumulate {
			for i := range g.M {
				copy(g.C[i*g.LDC:][:g.N], slices.Repeat([]float32{nan}, g.N))
			}
		}
		lib.Gemm(g)
		if err := checkGemm(g, old); err != nil {
			t.Errorf("%s: %v", describe(g), err)
		}
	}
}

func testGemmAnyTeam(t *testing.T, one, team Library) {
	for _, g := range append(gemmCases(), newGemm(Gemm{M: 64, N: 256, K: 512, Alpha: 1}, 0), newGemm(Gemm{M: 4, N: 32, K: 2048, Alpha: 1}, 0)) {
		want := slices.Clone(g.C)
		h := g
		h.C = want
		one.Gemm(h)
		team.Gemm(g)
		if i := firstDifference(g.C, want); i >= 0 {
			t.Errorf("%s: value %d is %g, and %g on one thread", describe(g), i, g.C[i], want[i])
		}
	}
}

// testGemmAnyCut cuts rows, columns or the depth of a product in two.
func testGemmAnyCut(t *testing.T, lib Library) {
	for _, g := range append(gemmCases(), newGemm(Gemm{M: 64, N: 40, K: 700, Alpha: 0.3, TransB: true}, 0)) {
		old, want := slices.Clone(g.C), g
		want.C = slices.Clone(g.C)
		lib.Gemm(want)
		for _, at := range []int{1, 5, 16, 63, 64, 100, 257} {
			for name, cut := range map[string]func(g Gemm, at int) (Gemm, Gemm){"rows": cutRows, "columns": cutColumns, "depth": cutDepth} {
				copy(g.C, old)
				first, second := cut(g, at)
				lib.Gemm(first)
				lib.Gemm(second)
				if i := firstDifference(g.C, want.C); i >= 0 {
					t.Errorf("%s, %s cut at %d: value %d is %g, and %g in one piece", describe(g), name, at, i, g.C[i], want.C[i])
				}
			}
		}
	}
}

func cutRows(g Gemm, at int) (first, second Gemm) {
	at = min(at, g.M)
	first, second = g, g
	first.M, second.M = at, g.M-at
	second.A, second.C = g.A[at*g.LDA:], g.C[at*g.LDC:]
	return first, second
}

func cutColumns(g Gemm, at int) (first, second Gemm) {
	at = min(at, g.N)
	first, second = g, g
	first.N, second.N, second.C = at, g.N-at, g.C[at:]
	if g.TransB {
		second.B = g.B[at*g.LDB:]
	} else {
		second.B = g.B[at:]
	}
	return first, second
}

func cutDepth(g Gemm, at int) (first, second Gemm) {
	at = min(at, g.K)
	first, second = g, g
	first.K, second.K, second.A, second.Accumulate = at, g.K-at, g.A[at:], true
	if g.TransB {
		second.B = g.B[at:]
	} else {
		second.B = g.B[at*g.LDB:]
	}
	return first, second
}

// checkGemm compares g.C with float64 sums of the operands and of C as it was; the bound is that of K+2 roundings.
func checkGemm(g Gemm, old []float32) error {
	for i := range g.M {
		for j := range g.N {
			var sum, size float64
			if g.Accumulate {
				sum = float64(old[i*g.LDC+j])
				size = math.Abs(sum)
			}
			for l := range g.K {
				b := l*g.LDB + j
				if g.TransB {
					b = j*g.LDB + l
				}
				term := float64(g.Alpha) * float64(g.A[i*g.LDA+l]) * float64(g.B[b])
				sum += term
				size += math.Abs(term)
			}
			got, bound := g.C[i*g.LDC+j], float64(g.K+2)*size*0x1p-24
			if diff := math.Abs(float64(got) - sum); !(diff <= bound) {
				return fmt.Errorf("C[%d,%d] is %g, want %g: off by %g, bound %g", i, j, got, sum, diff, bound)
			}
		}
	}
	return nil
}

func testGemmOnlyC(t *testing.T, lib Library) {
	for _, g := range gemmCases() {
		const guard = 64
		a, b := slices.Clone(g.A), slices.Clone(g.B)
		buf := random(4, guard+len(g.C)+guard, 1)
		before := slices.Clone(buf)
		g.C = buf[guard:]
		lib.Gemm(g)
		for i := range g.M {
			row := guard + i*g.LDC
			copy(buf[row:][:g.N], before[row:])
		}
		if i := firstDifference(buf, before); i >= 0 {
			t.Errorf("%s: changed value %d, outside of C", describe(g), i-guard)
		}
		if firstDifference(a, g.A) >= 0 || firstDifference(b, g.B) >= 0 {
			t.Errorf("%s: changed A or B", describe(g))
		}
	}
}

func testGemmAnyAddress(t *testing.T, lib Library) {
	for _, g := range gemmCases() {
		old := slices.Clone(g.C)
		lib.Gemm(g)
		want := g.C
		for offset := range 17 {
			g.A, g.B, g.C = moved(g.A, offset), moved(g.B, offset*5%16), moved(old, offset*3%16)
			lib.Gemm(g)
			if i := firstDifference(g.C, want); i >= 0 {
				t.Errorf("%s: C[%d] is %g at offset %d and %g at another", describe(g), i, g.C[i], offset, want[i])
				break
			}
		}
	}
}

// moved returns a copy of v that starts offset values into its memory.
func moved(v []float32, offset int) []float32 {
	return append(make([]float32, offset, offset+len(v)), v...)[offset:]
}

func testGemmEmpty(t *testing.T, lib Library) {
	lib.Gemm(Gemm{N: 4, K: 4, LDA: 4, LDB: 4, LDC: 4})
	lib.Gemm(Gemm{M: 4, K: 4, LDA: 4, LDB: 4, LDC: 4})
	for _, accumulate := range []bool{false, true} {
		c := []float32{1, 2, 3, 4, 5, 6}
		want := []float32{0, 0, 3, 0, 0, 6}
		if accumulate {
			want = slices.Clone(c)
		}
		lib.Gemm(Gemm{M: 2, N: 2, Alpha: 1, C: c, LDC: 3, Accumulate: accumulate})
		if !slices.Equal(c, want) {
			t.Errorf("K = 0, accumulate %t: C is %v, want %v", accumulate, c, want)
		}
	}
}

func testGemmMisuse(t *testing.T, lib Library) {
	for _, c := range []struct {
		name  string
		spoil func(g *Gemm)
	}{
		{"negative M", func(g *Gemm) { g.M = -1 }},
		{"negative K", func(g *Gemm) { g.K = -1 }},
		{"short A", func(g *Gemm) { g.A = g.A[:len(g.A)-1] }},
		{"short B", func(g *Gemm) { g.B = g.B[:len(g.B)-1] }},
		{"short C", func(g *Gemm) { g.C = g.C[:len(g.C)-1] }},
		{"rows of A overlap", func(g *Gemm) { g.LDA = g.K - 1 }},
		{"rows of B overlap", func(g *Gemm) { g.LDB = 1 }},
		{"rows of C overlap", func(g *Gemm) { g.LDC = g.N - 1 }},
	} {
		for _, transB := range []bool{false, true} {
			g := newGemm(Gemm{M: 3, N: 4, K: 5, Alpha: 1, TransB: transB}, 0)
			c.spoil(&g)
			mustPanic(t, c.name, func() { lib.Gemm(g) })
		}
	}
}

// testEach counts calls, and looks for two at a time by one worker.
func testEach(t *testing.T, lib Library, threads int) {
	for _, n := range []int{0, 1, 2, 7, 100} {
		done, busy := make([]atomic.Int32, n), make([]atomic.Bool, threads)
		lib.Each(n, func(worker, i int) {
			if busy[worker].Swap(true) {
				t.Errorf("worker %d was called while at work", worker)
			}
			done[i].Add(1)
			runtime.Gosched()
			busy[worker].Store(false)
		})
		for i := range done {
			if calls := done[i].Load(); calls != 1 {
				t.Errorf("%d of %d was done %d times", i, n, calls)
			}
		}
	}
}
