package kernel

import "fmt"

// Library makes packed matrices and does small dense products. All its methods, and those of different matrices, may be
// called at the same time and from any thread. A library lives as long as the process.
type Library interface {
	// Name tells the implementation, its version and the kernel it chose on this machine: "panels avx512 f32".
	Name() string

	// Pack copies W, n×k row-major (out features × in features, as checkpoints store it), into the library's own layout.
	// w is not kept. n and k are at least 1. The matrix is of the type in Options: with BF16, W is rounded here, and the rows that it
	// is multiplied by in every product (RoundBF16).
	Pack(w []float32, n, k int) (Matrix, error)

	// PackF32 is Pack in float32 whatever Options say: for matrices whose products must not be rounded, as a router's.
	PackF32(w []float32, n, k int) (Matrix, error)

	// PackFrom is Pack of a matrix that is never whole in memory: read is called for some rows at a time, from the first to the
	// last, and its first error ends the packing.
	PackFrom(read RowReader, n, k int) (Matrix, error)

	// Gemm computes C = alpha·A·op(B), plus the old C if g.Accumulate. A result depends on its row of A, its column of
	// op(B) and the old C only, bit by bit: not on M, N, where the slices lie or the threads. Products that add up over
	// parts of K, in order, give the bits of one over all of K. It panics if a slice is too short. C overlaps neither A nor B.
	Gemm(g Gemm)

	// NewAttender is a faster way through attention, for one worker, or nil: there Gemm is as good.
	NewAttender() Attender

	// Threads is the size of the team.
	Threads() int

	// Each shares work of the caller's among the team: it calls do(worker, i) once for every i from 0 to n-1 and returns when all
	// are done. Workers are numbered from 0, which is the caller, to Threads()-1, and make one call at a time. do may use Gemm and
	// matrices, which its worker then multiplies by alone.
	Each(n int, do func(worker, i int))
}

// RowReader fills dst with rows of a matrix, the first of them row first: [len(dst)/k, k].
type RowReader func(dst []float32, first int) error

// Matrix is a weight matrix W [n,k] packed for products with rows. One goroutine uses a Matrix at a time.
type Matrix interface {
	// Dims returns W's out features n and in features k.
	Dims() (n, k int)

	// MulTo computes dst = X·Wᵀ: x is m×k, dst is m×n, both row-major and contiguous, and they do not overlap. m may be 0.
	// What dst holds beyond m·n values stays. Row i of dst depends on row i of x and on W only, bit by bit: not on m, nor on the
	// other rows, nor on the number of threads. Where W is of bf16 rows may be in bf16 already, as RoundBF16To makes them, and give the
	// bits that the values they were made of give. It panics if a slice is too short, if W was freed, and on rows of bf16 for a W of float32.
	MulTo(dst []float32, x Values, m int)

	// MulPartTo is MulTo of one of parts that the columns of dst are cut into, from 0 to parts-1; the other columns stay. All parts
	// together are every column once, with the bits that MulTo gives. Where columns are cut is up to the matrix, and a part may have none.
	MulPartTo(dst []float32, x Values, m, part, parts int)

	// Free gives W's memory back, which may lie outside of Go's heap. A second Free does nothing.
	Free()
}

// Options configures a Library. The zero value is the default.
type Options struct {
	Threads int   // size of the team that computes one product; 0 means 1
	DType   DType // of packed matrices
}

func (o Options) validate() error {
	if o.Threads < 0 {
		return fmt.Errorf("kernel: new: %d threads, at least 1 is needed", o.Threads)
	}
	if o.DType > BF16 {
		return fmt.Errorf("kernel: new: dtype %d, want %d (f32) or %d (bf16)", o.DType, F32, BF16)
	}
	return nil
}

func (o Options) threads() int {
	return max(1, o.Threads)
}

// checkPart panics on a part that there is not.
func checkPart(part, parts int) {
	if part < 0 || part >= parts {
		panic(fmt.Sprintf("kernel: mul: part %d of %d", part, parts))
	}
}

// checkMul panics on rows that a matrix does not take, and on fewer than m rows or results.
func checkMul(of sides, dst []float32, x Values, m int) {
	n, k := of.n, of.k
	if x.BF16 != nil && of.dtype == F32 {
		panic("kernel: mul: rows of bf16 for a matrix of float32")
	}
	if m < 0 {
		panic(fmt.Sprintf("kernel: mul: %d rows", m))
	}
	if x.Len() < m*k {
		panic(fmt.Sprintf("kernel: mul: %d rows of %d need %d values, x holds %d", m, k, m*k, x.Len()))
	}
	if len(dst) < m*n {
		panic(fmt.Sprintf("kernel: mul: %d rows of %d need %d values, dst holds %d", m, n, m*n, len(dst)))
	}
}
