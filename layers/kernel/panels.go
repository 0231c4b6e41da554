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

// panelMatrix is W in the order of panels.h, in C memory.
type panelMatrix struct {
	threads int
	rows    *sync.Pool // of *[]uint32, rows of x in that order
	c       *C.kernel_panels
}

func newPanelMatrix(w []float32, of sides, threads int, rows *sync.Pool) (*panelMatrix, error) {
	c := &C.kernel_panels{bf16: flag(of.dtype == BF16), n: C.int64_t(of.n), k: C.int64_t(of.k)}
	C.kernel_panels_new(c, floats(w))
	if c.w == nil {
		return nil, fmt.Errorf("kernel: pack: no memory for %d bytes (matrix of %d×%d)", of.dtype.Bytes()*of.n*of.k, of.n, of.k)
	}
	return &panelMatrix{threads, rows, c}, nil
}

func (mat *panelMatrix) Dims() (n, k int) {
	return int(mat.c.n), int(mat.c.k)
}

func (mat *panelMatrix) Free() {
	C.kernel_panels_free(mat.c)
}

func (mat *panelMatrix) MulTo(dst, x []float32, m int) {
	if mat.c.w == nil {
		panic("kernel: mul: matrix was freed")
	}
	checkMul(mat, dst, x, m)
	if m == 0 {
		return
	}
	scratch := mat.rows.Get().(*[]uint32)
	defer mat.rows.Put(scratch)
	if size := m * int(mat.c.units); len(*scratch) < size {
		*scratch = make([]uint32, size)
	}
	rows := (*C.uint32_t)(unsafe.SliceData(*scratch))
	C.kernel_panels_rows(mat.c, rows, floats(x), C.int64_t(m))
	if mat.threads == 1 {
		mat.mul(dst, rows, m, [2]int{0, int(mat.c.panels)})
		return
	}
	panels := int(mat.c.panels)
	pieces := min(panels, piecesPerThread*mat.threads)
	each(mat.threads, pieces, func(_, i int) { mat.mul(dst, rows, m, [2]int{panels * i / pieces, panels * (i + 1) / pieces}) })
}

// mul computes the results of some panels: m rows of them.
func (mat *panelMatrix) mul(dst []float32, rows *C.uint32_t, m int, panels [2]int) {
	C.kernel_panels_mul(mat.c, floats(dst), rows, C.int64_t(m), C.int64_t(panels[0]), C.int64_t(panels[1]))
}

func panelsUsable(dtype DType) bool {
	return C.kernel_panels_usable(flag(dtype == BF16)) != 0
}
