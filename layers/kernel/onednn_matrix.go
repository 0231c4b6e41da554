//go:build cgo && !noonednn

package kernel

/*
#include "onednn.h"
*/
import "C"

import (
	"fmt"
	"unsafe"
)

// oneDNNMatrix is W in oneDNN's blocked layout, in C memory.
type oneDNNMatrix struct {
	sides
	weights *C.kernel_weights
}

// Pack implements Library.
func (lib *oneDNN) Pack(w []float32, n, k int) (Matrix, error) {
	return lib.packWhole(w, sides{n, k, lib.dtype})
}

// PackF32 implements Library.
func (lib *oneDNN) PackF32(w []float32, n, k int) (Matrix, error) {
	return lib.packWhole(w, sides{n, k, F32})
}

// PackFrom implements Library.
func (lib *oneDNN) PackFrom(read RowReader, n, k int) (Matrix, error) {
	from, err := rowSource(read, sides{n, k, lib.dtype})
	if err != nil {
		return nil, err
	}
	return lib.pack(from)
}

func (lib *oneDNN) packWhole(w []float32, of sides) (Matrix, error) {
	from, err := wholeSource(w, of)
	if err != nil {
		return nil, err
	}
	return lib.pack(from)
}

func (lib *oneDNN) pack(from source) (Matrix, error) {
	if kind := lib.panels[from.dtype]; kind != 0 {
		return newPanelMatrix(from, kind, lib.team, &lib.rows)
	}
	shape, err := lib.shape(from.sides)
	if err != nil {
		return nil, fmt.Errorf("kernel: pack: %w (matrix of %d×%d)", err, from.n, from.k)
	}
	if shape == nil {
		return lib.portable.pack(from)
	}
	w, err := from.all()
	if err != nil {
		return nil, err
	}
	mat := &oneDNNMatrix{sides: from.sides}
	if e := C.kernel_weights_new(&mat.weights, shape, floats(w)); e.step != nil {
		return nil, fmt.Errorf("kernel: pack: %w (matrix of %d×%d)", newFault(e), from.n, from.k)
	}
	return mat, nil
}

func (mat *oneDNNMatrix) Dims() (n, k int) {
	return mat.n, mat.k
}

func (mat *oneDNNMatrix) Free() {
	C.kernel_weights_free(mat.weights)
	mat.weights = nil
}

// MulPartTo implements Matrix: oneDNN's layout is not cut, the first part is all columns.
func (mat *oneDNNMatrix) MulPartTo(dst []float32, x Values, m, part, parts int) {
	checkPart(part, parts)
	if part == 0 {
		mat.MulTo(dst, x, m)
	}
}

func (mat *oneDNNMatrix) MulTo(dst []float32, x Values, m int) {
	if mat.weights == nil {
		panic("kernel: mul: matrix was freed")
	}
	checkMul(mat.sides, dst, x, m)
	if m == 0 {
		return
	}
	if e := C.kernel_mul(mat.weights, floats(dst), givenOf(x), C.int64_t(m)); e.step != nil {
		panic(fmt.Sprintf("kernel: mul: %v (%d rows, matrix of %d×%d)", newFault(e), m, mat.n, mat.k))
	}
}

func floats(v []float32) *C.float {
	return (*C.float)(unsafe.SliceData(v))
}

func halves(v []uint16) *C.uint16_t {
	return (*C.uint16_t)(unsafe.SliceData(v))
}

// givenOf is values as C takes them.
func givenOf(x Values) C.kernel_given {
	if x.BF16 != nil {
		return C.kernel_given{x: unsafe.Pointer(unsafe.SliceData(x.BF16)), bf16: 1}
	}
	return C.kernel_given{x: unsafe.Pointer(unsafe.SliceData(x.F32))}
}

func flag(on bool) C.int {
	if on {
		return 1
	}
	return 0
}
