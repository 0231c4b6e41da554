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
	sides
	team *team
	rows *sync.Pool // of *[]uint32, rows of x in that order
	c    *C.kernel_panels

	now                       panelProduct
	placeOne, mulOne, joinOne func(worker, i int) // pieces of it
}

// panelProduct is the product under way, and the pieces that it is cut into.
type panelProduct struct {
	dst        []float32
	x          Values
	m          int
	rows       *C.uint32_t // x, in order
	first, end C.int64_t   // panels
	pieces     int

	joined *C.uint32_t // instead of dst, joined
	how    C.kernel_joining
}

func newPanelMatrix(from source, kind int32, team *team, rows *sync.Pool) (*panelMatrix, error) {
	c := &C.kernel_panels{kind: C.int(kind), n: C.int64_t(from.n), k: C.int64_t(from.k)}
	C.kernel_panels_new(c)
	if c.w == nil {
		return nil, fmt.Errorf("kernel: pack: no memory for %d bytes (matrix of %d×%d)", from.dtype.Bytes()*from.n*from.k, from.n, from.k)
	}
	mat := &panelMatrix{sides: from.sides, team: team, rows: rows, c: c}
	mat.placeOne = func(_, i int) { mat.place(i) }
	mat.mulOne = func(_, i int) { mat.mul(i) }
	mat.joinOne = func(_, i int) { mat.join(i) }
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
	return mat.n, mat.k
}

func (mat *panelMatrix) Free() {
	C.kernel_panels_free(mat.c)
}

func (mat *panelMatrix) MulTo(dst []float32, x Values, m int) {
	mat.multiply(dst, x, m, 0, mat.c.panels)
}

func (mat *panelMatrix) MulPartTo(dst []float32, x Values, m, part, parts int) {
	checkPart(part, parts)
	first, end := share(mat.c.panels, parts, part)
	mat.multiply(dst, x, m, first, end)
}

// use panics if W was freed.
func (mat *panelMatrix) use() {
	if mat.c.w == nil {
		panic("kernel: mul: matrix was freed")
	}
}

// multiply computes panels [first, end) of the product.
func (mat *panelMatrix) multiply(dst []float32, x Values, m int, first, end C.int64_t) {
	mat.use()
	checkMul(mat.sides, dst, x, m)
	if m == 0 || first == end {
		return
	}
	rows := mat.space(m)
	defer mat.rows.Put(rows)
	mat.now = panelProduct{dst: dst, x: x, m: m, rows: order(rows), first: first, end: end}
	mat.placeAll()
	mat.all(mat.mulOne)
}

// space is memory for m rows in order, to be put back.
func (mat *panelMatrix) space(m int) *[]uint32 {
	rows := mat.rows.Get().(*[]uint32)
	if size := int(C.kernel_panels_space(mat.c, C.int64_t(m))); len(*rows) < size {
		*rows = make([]uint32, size)
	}
	return rows
}

func order(rows *[]uint32) *C.uint32_t { return (*C.uint32_t)(unsafe.SliceData(*rows)) }

// placeAll brings the rows into order.
func (mat *panelMatrix) placeAll() {
	mat.now.pieces = min(int(C.kernel_panels_parts(mat.c, C.int64_t(mat.now.m))), mat.team.size)
	mat.team.each(mat.now.pieces, mat.placeOne)
}

// all has the team do every piece of the panels of the product under way, which ends with that.
func (mat *panelMatrix) all(one func(worker, i int)) {
	p := &mat.now
	p.pieces = 1
	if mat.team.size > 1 {
		p.pieces = min(int(p.end-p.first), piecesPerThread*mat.team.size)
	}
	mat.team.each(p.pieces, one)
	mat.now = panelProduct{}
}

func (mat *panelMatrix) place(i int) {
	p := &mat.now
	first, end := share(C.kernel_panels_parts(mat.c, C.int64_t(p.m)), p.pieces, i)
	C.kernel_panels_rows(mat.c, p.rows, givenOf(p.x), C.int64_t(p.m), first, end)
}

// mul computes a piece of the results: all rows of some panels.
func (mat *panelMatrix) mul(i int) {
	p := &mat.now
	first, end := share(p.end-p.first, p.pieces, i)
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
