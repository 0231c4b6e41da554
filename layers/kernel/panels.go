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
	team *team
	rows *sync.Pool // of *[]uint32, rows of x in that order
	c    *C.kernel_panels

	now              panelProduct
	placeOne, mulOne func(worker, i int) // pieces of it
}

// panelProduct is the product under way, and the pieces that it is cut into.
type panelProduct struct {
	dst                    []float32
	x                      Values
	m                      int
	rows                   *C.uint32_t
	first, end             C.int64_t // panels
	placePieces, mulPieces int
}

func newPanelMatrix(from source, kind int32, team *team, rows *sync.Pool) (*panelMatrix, error) {
	c := &C.kernel_panels{kind: C.int(kind), n: C.int64_t(from.n), k: C.int64_t(from.k)}
	C.kernel_panels_new(c)
	if c.w == nil {
		return nil, fmt.Errorf("kernel: pack: no memory for %d bytes (matrix of %d×%d)", from.dtype.Bytes()*from.n*from.k, from.n, from.k)
	}
	mat := &panelMatrix{team: team, rows: rows, c: c}
	mat.placeOne = func(_, i int) { mat.place(i) }
	mat.mulOne = func(_, i int) { mat.mul(i) }
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
	mat.multiply(dst, Values{F32: x}, m, 0, mat.c.panels)
}

func (mat *panelMatrix) MulPartTo(dst, x []float32, m, part, parts int) {
	checkPart(part, parts)
	first, end := share(mat.c.panels, parts, part)
	mat.multiply(dst, Values{F32: x}, m, first, end)
}

func (mat *panelMatrix) MulBF16To(dst []float32, x []uint16, m int) {
	if mat.c.bf16 == 0 {
		panic(rowsOfBF16)
	}
	mat.multiply(dst, Values{BF16: x}, m, 0, mat.c.panels)
}

// multiply computes panels [first, end) of the product.
func (mat *panelMatrix) multiply(dst []float32, x Values, m int, first, end C.int64_t) {
	if mat.c.w == nil {
		panic("kernel: mul: matrix was freed")
	}
	checkMul(mat, dst, x, m)
	if m == 0 || first == end {
		return
	}
	scratch := mat.rows.Get().(*[]uint32)
	defer mat.rows.Put(scratch)
	if size := int(C.kernel_panels_space(mat.c, C.int64_t(m))); len(*scratch) < size {
		*scratch = make([]uint32, size)
	}
	parts, size := int(C.kernel_panels_parts(mat.c, C.int64_t(m))), mat.team.size
	mat.now = panelProduct{dst, x, m, (*C.uint32_t)(unsafe.SliceData(*scratch)), first, end, min(parts, size), 1}
	if size > 1 {
		mat.now.mulPieces = min(int(end-first), piecesPerThread*size)
	}
	mat.team.each(mat.now.placePieces, mat.placeOne)
	mat.team.each(mat.now.mulPieces, mat.mulOne)
	mat.now = panelProduct{}
}

// place brings a piece of the rows into order.
func (mat *panelMatrix) place(i int) {
	p := &mat.now
	parts := C.kernel_panels_parts(mat.c, C.int64_t(p.m))
	first, end := share(parts, p.placePieces, i)
	C.kernel_panels_rows(mat.c, p.rows, givenOf(p.x), C.int64_t(p.m), first, end)
}

// mul computes a piece of the results: all rows of some panels.
func (mat *panelMatrix) mul(i int) {
	p := &mat.now
	first, end := share(p.end-p.first, p.mulPieces, i)
	C.kernel_panels_mul(mat.c, floats(p.dst), p.rows, C.int64_t(p.m), p.first+first, p.first+end)
}

// share is where the i-th of some pieces of n begins and ends.
func share(n C.int64_t, pieces, i int) (first, end C.int64_t) {
	return n * C.int64_t(i) / C.int64_t(pieces), n * C.int64_t(i+1) / C.int64_t(pieces)
}

// panelNames are of the kinds in panels.h.
var panelNames = [...]string{
	C.PANELS_F32: "panels avx512 f32", C.PANELS_AVX2_F32: "panels avx2 f32",
	C.PANELS_AMX: "panels amx bf16", C.PANELS_BF16: "panels avx512 bf16", C.PANELS_AVX2_BF16: "panels avx2 bf16",
}

// panelKind is the best kind of panels that the CPU has for a type.
func panelKind(dtype DType) int32 {
	return int32(C.kernel_panels_kind(flag(dtype == BF16)))
}

// panelsUsable tells whether the CPU has the instructions of a kind.
func panelsUsable(kind int32) bool {
	return C.kernel_panels_usable(C.int(kind)) != 0
}
