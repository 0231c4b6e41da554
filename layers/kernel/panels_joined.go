//go:build cgo && !noonednn

package kernel

/*
#include "panels.h"
*/
import "C"

// mulJoinedTo implements joiner: what is between the two products is written as the second reads its rows.
func (mat *panelMatrix) mulJoinedTo(dst []float32, x Values, m int, then Joined) bool {
	down, panels := then.Down.(*panelMatrix)
	pieces := mat.rowPieces(m)
	if !panels || m == 0 || down.c.kind != mat.c.kind || !mat.joins(m, pieces) {
		return false
	}
	mat.use()
	down.use()
	checkJoined(mat.sides, dst, x, m, then)
	mat.now = panelProduct{dst: dst, x: x, m: m, end: mat.c.panels / 2, pieces: pieces, how: C.kernel_joining{gate: gateOf(then.Gate)}, down: down}
	if then.Bias != nil {
		mat.now.how.bias = floats(then.Bias)
	}
	if mat.byRows() {
		return true
	}
	rows, joined := mat.space(m), down.space(m)
	defer mat.rows.Put(rows)
	defer down.rows.Put(joined)
	mat.now.rows, mat.now.joined = order(rows), order(joined)
	mat.placeAll()
	mat.all(mat.joinOne)
	down.now = panelProduct{dst: dst, m: m, rows: order(joined), end: down.c.panels}
	down.all(down.mulOne)
	return true
}

// joins tells whether m rows can be joined: every piece of them, or where there are none, all together.
func (mat *panelMatrix) joins(m, pieces int) bool {
	pieces = max(1, pieces)
	for i := range pieces {
		if first, end := rowPiece(m, pieces, i); C.kernel_panels_joins(mat.c, C.int64_t(end-first)) == 0 {
			return false
		}
	}
	return true
}

// join computes a piece of what is between: all rows of some panels of gates and of their ups.
func (mat *panelMatrix) join(i int) {
	p := &mat.now
	first, end := share(p.end, p.pieces, i)
	mat.joinPanels(p.joined, p.rows, C.int64_t(p.m), first, end)
}

// joinPanels computes what is between for m rows, of panels [first, end) of gates and of their ups, in several calls.
func (mat *panelMatrix) joinPanels(joined, rows *C.uint32_t, m, first, end C.int64_t) {
	for some := max(1, mat.panelsOfCall(m)/2); first < end; first += some {
		C.kernel_panels_joined(mat.c, joined, rows, m, mat.now.how, first, min(end, first+some))
		yield()
	}
}
