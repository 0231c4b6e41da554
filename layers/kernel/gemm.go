package kernel

import "fmt"

// Gemm is one dense product C = Alpha·A·op(B) + (Accumulate ? C : 0), everything row-major, for attention scores and mixes.
//
// Without Accumulate the old C is not read. A zero in A may be skipped, so where A is zero B should be finite.
type Gemm struct {
	TransB  bool // op(B) = Bᵀ, and B is N×K
	M, N, K int  // each may be 0; K = 0 gives zeros

	Alpha float32
	A     []float32 // [M,K], rows LDA apart
	LDA   int
	B     []float32 // [K,N], or [N,K] if TransB, rows LDB apart
	LDB   int
	C     []float32 // [M,N], rows LDC apart; what lies between the rows stays
	LDC   int

	Accumulate bool // add to C instead of overwriting it
}

// prepare panics on operands that do not fit, deals with products of no terms, and reports whether work is left.
func (g *Gemm) prepare() bool {
	if g.M < 0 || g.N < 0 || g.K < 0 {
		panic(fmt.Sprintf("kernel: gemm: sizes %d×%d×%d", g.M, g.N, g.K))
	}
	if g.M == 0 || g.N == 0 {
		return false
	}
	checkOperand("C", g.C, [2]int{g.M, g.N}, g.LDC)
	if g.K == 0 {
		g.clear()
		return false
	}
	checkOperand("A", g.A, [2]int{g.M, g.K}, g.LDA)
	if g.TransB {
		checkOperand("B", g.B, [2]int{g.N, g.K}, g.LDB)
	} else {
		checkOperand("B", g.B, [2]int{g.K, g.N}, g.LDB)
	}
	return true
}

func (g *Gemm) clear() {
	if g.Accumulate {
		return
	}
	for i := range g.M {
		clear(g.C[i*g.LDC:][:g.N])
	}
}

func (g *Gemm) beta() float32 {
	if g.Accumulate {
		return 1
	}
	return 0
}

func checkOperand(name string, v []float32, dims [2]int, ld int) {
	rows, cols := dims[0], dims[1]
	if ld < cols {
		panic(fmt.Sprintf("kernel: gemm: rows of %s are %d wide and %d apart", name, cols, ld))
	}
	if need := (rows-1)*ld + cols; len(v) < need {
		panic(fmt.Sprintf("kernel: gemm: %s of %d×%d, rows %d apart, needs %d values, slice holds %d", name, rows, cols, ld, need, len(v)))
	}
}
