package kernel

import (
	"math"
	"slices"
)

// gonumMatrix keeps Wᵀ [k,n] cut into panels of panelCols columns, one panel after the other. The panel of columns j… lies at
// wt[j·k], row-major, its rows as far apart as the panel is wide.
type gonumMatrix struct {
	lib *gonumLibrary
	sides
	wt        []float32 // with BF16, rounded values
	nonFinite []int     // in features l whose weights are not all finite
}

// Pack implements Library.
func (lib *gonumLibrary) Pack(w []float32, n, k int) (Matrix, error) {
	return lib.packWhole(w, sides{n, k, lib.dtype})
}

// PackF32 implements Library.
func (lib *gonumLibrary) PackF32(w []float32, n, k int) (Matrix, error) {
	return lib.packWhole(w, sides{n, k, F32})
}

// PackFrom implements Library.
func (lib *gonumLibrary) PackFrom(read RowReader, n, k int) (Matrix, error) {
	from, err := rowSource(read, sides{n, k, lib.dtype})
	if err != nil {
		return nil, err
	}
	return lib.pack(from)
}

func (lib *gonumLibrary) packWhole(w []float32, of sides) (Matrix, error) {
	from, err := wholeSource(w, of)
	if err != nil {
		return nil, err
	}
	return lib.pack(from)
}

func (lib *gonumLibrary) pack(from source) (Matrix, error) {
	n, k := from.n, from.k
	mat := &gonumMatrix{lib: lib, sides: from.sides, wt: make([]float32, n*k)}
	finite := make([]bool, k)
	for l := range finite {
		finite[l] = true
	}
	err := from.each(panelCols, func(w []float32, first, n int) {
		for j0 := 0; j0 < n; j0 += panelCols {
			mat.place(w[j0*k:min(j0+panelCols, n)*k], first+j0, finite)
		}
	})
	if err != nil {
		return nil, err
	}
	for l, ok := range finite {
		if !ok {
			mat.nonFinite = append(mat.nonFinite, l)
		}
	}
	return mat, nil
}

// place makes the panel of rows of W from the first on, and notes the in features whose weights are not finite.
func (mat *gonumMatrix) place(rows []float32, first int, finite []bool) {
	k, cols := mat.k, len(rows)/mat.k
	panel := mat.wt[first*k:][:len(rows)]
	for j := range cols {
		for l, v := range rows[j*k:][:k] {
			if mat.dtype == BF16 {
				v = RoundBF16(v)
			}
			panel[l*cols+j] = v
			finite[l] = finite[l] && isFinite(v)
		}
	}
}

func (mat *gonumMatrix) Dims() (n, k int) {
	return mat.n, mat.k
}

func (mat *gonumMatrix) Free() {
	mat.wt = nil
}

func (mat *gonumMatrix) MulTo(dst []float32, x Values, m int) {
	mat.multiply(dst, x, m, 0, mat.panels())
}

func (mat *gonumMatrix) MulPartTo(dst []float32, x Values, m, part, parts int) {
	checkPart(part, parts)
	panels := mat.panels()
	mat.multiply(dst, x, m, panels*part/parts, panels*(part+1)/parts)
}

// panels is how many there are.
func (mat *gonumMatrix) panels() int { return ceilDiv(mat.n, panelCols) }

// multiply computes panels [first, end) of the product.
func (mat *gonumMatrix) multiply(dst []float32, x Values, m, first, end int) {
	if mat.wt == nil {
		panic("kernel: mul: matrix was freed")
	}
	checkMul(mat.sides, dst, x, m)
	if mat.dtype == F32 {
		mat.mul(dst, x.F32, m, first, end)
		return
	}
	scratch := mat.lib.rounded.Get().(*[]float32)
	defer mat.lib.rounded.Put(scratch)
	*scratch = slices.Grow((*scratch)[:0], m*mat.k)[:m*mat.k]
	if x.BF16 != nil {
		widen(*scratch, x.BF16)
	} else {
		roundTo(*scratch, x.F32[:m*mat.k])
	}
	mat.mul(dst, *scratch, m, first, end)
}

// mul computes panels [first, end) of the product of rows that are of the matrix's type.
func (mat *gonumMatrix) mul(dst, x []float32, m, first, end int) {
	blocks := ceilDiv(m, blockRows)
	pieces := blocks * (end - first)
	if mat.lib.team.size == 1 {
		for p := range pieces {
			mat.mulPiece(dst, x, m, first*blocks+p)
		}
		return
	}
	mat.lib.team.each(pieces, func(_, p int) { mat.mulPiece(dst, x, m, first*blocks+p) })
}

// mulPiece computes piece p of dst: blockRows rows by one panel of columns.
func (mat *gonumMatrix) mulPiece(dst, x []float32, m, p int) {
	blocks := ceilDiv(m, blockRows)
	i0, j0 := p%blocks*blockRows, p/blocks*panelCols
	rows, cols := min(blockRows, m-i0), min(panelCols, mat.n-j0)
	x, dst = x[i0*mat.k:], dst[i0*mat.n+j0:]
	panel := mat.wt[j0*mat.k:][:cols*mat.k]
	for l := 0; l < mat.k; l += blockK {
		block(Gemm{M: rows, N: cols, K: min(blockK, mat.k-l), Alpha: 1,
			A: x[l:], LDA: mat.k, B: panel[l*cols:], LDB: cols, C: dst, LDC: mat.n, Accumulate: l > 0})
	}
	mat.addZeroTimes(dst, x, panel, rows)
}

// addZeroTimes adds the terms 0·Inf and 0·NaN, which are NaN: Sgemm skips every zero of x.
func (mat *gonumMatrix) addZeroTimes(dst, x, panel []float32, rows int) {
	cols := len(panel) / mat.k
	for _, l := range mat.nonFinite {
		for i := range rows {
			zero := x[i*mat.k+l]
			if zero != 0 {
				continue
			}
			for j, v := range panel[l*cols:][:cols] {
				dst[i*mat.n+j] += zero * v
			}
		}
	}
}

func isFinite(v float32) bool {
	return math.Abs(float64(v)) <= math.MaxFloat32
}
