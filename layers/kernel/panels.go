//go:build cgo && !noonednn

package kernel

/*
#include "panels.h"
*/
import "C"

import (
	"fmt"
	"sync"
	"unsafe"
)

// piecesPerThread cuts a product finer than its team, whose threads may be held up.
const piecesPerThread = 4

// packRows is the rows of W that are read and packed at a time, a multiple of a panel's.
const packRows = 256

// panelMatrix is W in the order of panels.h, in C memory.
type panelMatrix struct {
	threads int
	rows    *sync.Pool // of *[]uint32, rows of x in that order
	c       *C.kernel_panels
}

func newPanelMatrix(from source, kind int32, threads int, rows *sync.Pool) (*panelMatrix, error) {
	c := &C.kernel_panels{kind: C.int(kind), n: C.int64_t(from.n), k: C.int64_t(from.k)}
	C.kernel_panels_new(c)
	if c.w == nil {
		return nil, fmt.Errorf("kernel: pack: no memory for %d bytes (matrix of %d×%d)", from.dtype.Bytes()*from.n*from.k, from.n, from.k)
	}
	mat := &panelMatrix{threads, rows, c}
	err := from.each(packRows, func(w []float32, first, n int) {
		C.kernel_panels_place(c, floats(w), C.int64_t(first), C.int64_t(n))
	})
	if err != nil {
		mat.Free()
		return nil, err
	}
	return mat, nil
}

func (mat *panelMatrix) Dims() (n, k int) {
	return int(mat.c.n), int(mat.c.k)
}

func (mat *panelMatrix) Free() {
	C.kernel_panels_free(mat.c)
}

func (mat *panelMatrix) MulTo(dst, x []float32, m int) {
	mat.multiply(dst, given{f32: x}, m)
}

func (mat *panelMatrix) MulBF16To(dst []float32, x []uint16, m int) {
	if mat.c.kind == C.PANELS_F32 {
		panic(rowsOfBF16)
	}
	mat.multiply(dst, given{bf16: x}, m)
}

func (mat *panelMatrix) multiply(dst []float32, x given, m int) {
	if mat.c.w == nil {
		panic("kernel: mul: matrix was freed")
	}
	x.check(mat, dst, m)
	if m == 0 {
		return
	}
	scratch := mat.rows.Get().(*[]uint32)
	defer mat.rows.Put(scratch)
	if size := int(C.kernel_panels_space(mat.c, C.int64_t(m))); len(*scratch) < size {
		*scratch = make([]uint32, size)
	}
	rows := (*C.uint32_t)(unsafe.SliceData(*scratch))
	if mat.threads == 1 {
		mat.place(rows, x, m, [2]int{0, mat.parts(m)})
		mat.mul(dst, rows, m, [2]int{0, int(mat.c.panels)})
		return
	}
	share := func(n, pieces, i int) [2]int { return [2]int{n * i / pieces, n * (i + 1) / pieces} }
	parts, panels := mat.parts(m), int(mat.c.panels)
	pieces := min(parts, mat.threads)
	each(mat.threads, pieces, func(_, i int) { mat.place(rows, x, m, share(parts, pieces, i)) })
	cuts := min(panels, piecesPerThread*mat.threads)
	each(mat.threads, cuts, func(_, i int) { mat.mul(dst, rows, m, share(panels, cuts, i)) })
}

// parts is the pieces that m rows can be brought into order in.
func (mat *panelMatrix) parts(m int) int { return int(C.kernel_panels_parts(mat.c, C.int64_t(m))) }

// place brings some parts of m rows into order.
func (mat *panelMatrix) place(rows *C.uint32_t, x given, m int, parts [2]int) {
	if x.bf16 != nil {
		C.kernel_panels_rows_bf16(mat.c, rows, halves(x.bf16), C.int64_t(m), C.int64_t(parts[0]), C.int64_t(parts[1]))
		return
	}
	C.kernel_panels_rows(mat.c, rows, floats(x.f32), C.int64_t(m), C.int64_t(parts[0]), C.int64_t(parts[1]))
}

// mul computes the results of some panels: m rows of them.
func (mat *panelMatrix) mul(dst []float32, rows *C.uint32_t, m int, panels [2]int) {
	C.kernel_panels_mul(mat.c, floats(dst), rows, C.int64_t(m), C.int64_t(panels[0]), C.int64_t(panels[1]))
}

// vectorBF16 is the kind of CPUs without a matrix unit.
const vectorBF16 = C.PANELS_BF16

// panelNames are of the kinds in panels.h.
var panelNames = [...]string{C.PANELS_F32: "panels avx512 f32", C.PANELS_BF16: "panels avx512 bf16", C.PANELS_AMX: "panels amx bf16"}

// panelKind is the best kind of panels that the CPU has for a type.
func panelKind(dtype DType) int32 {
	return int32(C.kernel_panels_kind(flag(dtype == BF16)))
}
