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

// A product of few rows is cut by panels, finer than its team, whose threads may be held up. One of many, or of a thread alone, is cut by rows, which a
// thread brings into order and multiplies while they are in its cache: other threads do not have to get them from there, and wait for nobody between the two.
const (
	piecesPerThread = 4
	fewestRows      = 256 // for each thread, of a product that is cut by rows
	mostRows        = 320 // of a piece
	rowsTogether    = 32  // that pieces are cut between
)

// packRows is the rows of W that are read and packed at a time, a multiple of a panel's.
const packRows = 256

// panelMatrix is W in the order of panels.h, in C memory.
type panelMatrix struct {
	sides
	team *team
	rows *sync.Pool // of *[]uint32, rows of x in that order
	c    *C.kernel_panels

	now                                panelProduct
	placeOne, mulOne, joinOne, rowsOne func(worker, i int) // pieces of it
}

// panelProduct is the product under way, and the pieces that it is cut into.
type panelProduct struct {
	dst        []float32
	x          Values
	m          int
	rows       *C.uint32_t // x, in order; nil where pieces are rows
	first, end C.int64_t   // panels
	pieces     int

	joined *C.uint32_t // instead of dst, joined
	how    C.kernel_joining
	down   *panelMatrix // where pieces are rows: the product of what is joined; or nil
}

func newPanelMatrix(from source, kind int32, team *team, rows *sync.Pool) (Matrix, error) {
	c := &C.kernel_panels{kind: C.int(kind), n: C.int64_t(from.n), k: C.int64_t(from.k)}
	C.kernel_panels_new(c)
	if c.w == nil {
		return nil, fmt.Errorf("kernel: pack: no memory for %d bytes (matrix of %d×%d)", from.dtype.Bytes()*from.n*from.k, from.n, from.k)
	}
	mat := &panelMatrix{sides: from.sides, team: team, rows: rows, c: c}
	mat.placeOne = func(_, i int) { mat.place(i) }
	mat.mulOne = func(_, i int) { mat.mul(i) }
	mat.joinOne = func(_, i int) { mat.join(i) }
	mat.rowsOne = func(_, i int) { mat.someRows(i) }
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
	mat.now = panelProduct{dst: dst, x: x, m: m, first: first, end: end, pieces: mat.rowPieces(m)}
	if mat.byRows() {
		return
	}
	rows := mat.space(m)
	defer mat.rows.Put(rows)
	mat.now.rows = order(rows)
	mat.placeAll()
	mat.all(mat.mulOne)
}

// rowPieces is how many pieces m rows are cut into now, as many for every thread; 0 where they are too few for several threads.
func (mat *panelMatrix) rowPieces(m int) int {
	threads := mat.team.free()
	if threads > 1 && m < fewestRows*threads {
		return 0
	}
	return ceilDiv(ceilDiv(m, mostRows), threads) * threads
}

// rowPiece is where the i-th of some pieces of m rows begins and ends.
func rowPiece(m, pieces, i int) (first, end int) {
	all := ceilDiv(m, rowsTogether)
	return all * i / pieces * rowsTogether, min(m, all*(i+1)/pieces*rowsTogether)
}

// byRows computes the product under way in its pieces of rows. It reports false, and computes nothing, where there are none.
func (mat *panelMatrix) byRows() bool {
	if mat.now.pieces == 0 {
		return false
	}
	mat.team.each(mat.now.pieces, mat.rowsOne)
	mat.now = panelProduct{}
	return true
}

// someRows computes a piece of the results: some rows of all panels.
func (mat *panelMatrix) someRows(i int) {
	p := &mat.now
	first, end := rowPiece(p.m, p.pieces, i)
	m := C.int64_t(end - first)
	rows := mat.space(end - first)
	defer mat.rows.Put(rows)
	C.kernel_panels_rows(mat.c, order(rows), givenOf(p.x.From(first*mat.k)), m, 0, C.kernel_panels_parts(mat.c, m))
	if p.down == nil {
		mat.mulPanels(floats(p.dst[first*mat.n:]), order(rows), m, p.first, p.end)
		return
	}
	joined := p.down.space(end - first)
	defer p.down.rows.Put(joined)
	mat.joinPanels(order(joined), order(rows), m, 0, mat.c.panels/2)
	p.down.mulPanels(floats(p.dst[first*p.down.n:]), order(joined), m, 0, p.down.c.panels)
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
	mat.mulPanels(floats(p.dst), p.rows, C.int64_t(p.m), p.first+first, p.first+end)
}

// mulPanels computes panels [first, end) of the product of m rows, in several calls.
func (mat *panelMatrix) mulPanels(dst *C.float, rows *C.uint32_t, m, first, end C.int64_t) {
	for some := mat.panelsOfCall(m); first < end; first += some {
		C.kernel_panels_mul(mat.c, dst, rows, m, first, min(end, first+some))
		yield()
	}
}

// panelsOfCall is how many panels of the product of m rows one call computes.
func (mat *panelMatrix) panelsOfCall(m C.int64_t) C.int64_t {
	flops := C.int64_t(callFlops)
	if mat.c.kind == C.PANELS_AMX {
		flops = callFlopsAMX
	}
	return max(1, flops/(2*m*C.int64_t(mat.k)*mat.c.width))
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
