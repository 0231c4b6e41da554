package kernel

import (
	"sync"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"
)

const gonumName = "gonum 0.17"

// gonum's Sgemm starts goroutines of its own from four blocks of 64×64 results on. Products are cut so that each call stays below
// that, and Options.Threads alone says how many threads compute.
//
// Where B is not transposed, Sgemm adds the k terms of a result one after the other to the value in C, whatever the block. So
// cutting m, n or k changes no bit. Its transposed path sums in an order that depends on the address of B, and is not used.
const (
	panelCols = 128 // columns of one packed panel
	blockRows = 64
	tileSide  = 64 // side of a transposed tile of B
	blockK    = 64
)

// gonumLibrary is the portable implementation.
type gonumLibrary struct {
	team    *team
	dtype   DType
	tiles   sync.Pool // of *tile
	rounded sync.Pool // of *[]float32, rows of x rounded
}

// Gonum returns the portable library, pure Go on one thread. It is there in every build.
func Gonum() Library {
	return newGonum(Options{})
}

func newGonum(opts Options) *gonumLibrary {
	return &gonumLibrary{
		team: newTeam(opts.threads()), dtype: opts.DType,
		tiles:   sync.Pool{New: func() any { return new(tile) }},
		rounded: sync.Pool{New: func() any { return new([]float32) }},
	}
}

// NewAttender implements Library.
func (lib *gonumLibrary) NewAttender() Attender { return nil }

func (lib *gonumLibrary) Name() string {
	if lib.dtype == BF16 {
		return gonumName + " bf16"
	}
	return gonumName
}

// block computes one product, B not transposed, that is small enough for Sgemm to stay on the calling goroutine.
func block(g Gemm) {
	gonum.Implementation{}.Sgemm(blas.NoTrans, blas.NoTrans, g.M, g.N, g.K, g.Alpha, g.A, g.LDA, g.B, g.LDB, g.beta(), g.C, g.LDC)
}

func ceilDiv(a, b int) int {
	return (a + b - 1) / b
}
