//go:build cgo && !noonednn

package kernel

/*
#cgo LDFLAGS: -ldnnl -lgomp
#include <dnnl.h>
#include <dnnl_debug.h>
#include "onednn.h"
*/
import "C"

import (
	"fmt"
	"strings"
	"sync"
)

// oneDNN keeps the weights in the blocked layout that its brgemm matmul chooses, the same for every number of rows, and one primitive
// for each shape and row count, made when first needed. Where it has no brgemm (a CPU without AVX-512, mostly), rows would depend
// on their batch, and the portable library packs instead.
type oneDNN struct {
	engine   *C.kernel_engine
	name     string
	portable *gonumLibrary

	mu     sync.Mutex
	shapes map[[2]int]*C.kernel_shape // by n and k; nil where there is no brgemm
}

func newOneDNN(threads int) (*oneDNN, error) {
	lib := &oneDNN{portable: newGonum(threads), shapes: map[[2]int]*C.kernel_shape{}}
	if e := C.kernel_engine_new(&lib.engine, C.int(threads)); e.step != nil {
		return nil, fmt.Errorf("kernel: new: %w", newFault(e))
	}
	version := C.dnnl_version()
	lib.name = fmt.Sprintf("onednn %d.%d.%d ", version.major, version.minor, version.patch)
	shape, impl, err := lib.newShape(64, 64)
	if err != nil {
		return nil, fmt.Errorf("kernel: new: %w", err)
	}
	lib.shapes[[2]int{64, 64}] = shape
	lib.name += impl
	if shape == nil {
		lib.name += ", packed on " + gonumName
	}
	return lib, nil
}

func (lib *oneDNN) Name() string {
	return lib.name
}

// shape returns the layout and primitives for n×k weights, nil where oneDNN has no brgemm.
func (lib *oneDNN) shape(n, k int) (*C.kernel_shape, error) {
	lib.mu.Lock()
	defer lib.mu.Unlock()
	if s, ok := lib.shapes[[2]int{n, k}]; ok {
		return s, nil
	}
	s, _, err := lib.newShape(n, k)
	if err != nil {
		return nil, err
	}
	lib.shapes[[2]int{n, k}] = s
	return s, nil
}

func (lib *oneDNN) newShape(n, k int) (s *C.kernel_shape, impl string, err error) {
	var name [64]C.char
	if e := C.kernel_shape_new(&s, &name[0], lib.engine, C.int64_t(n), C.int64_t(k)); e.step != nil {
		return nil, "", newFault(e)
	}
	return s, C.GoString(&name[0]), nil
}

// fault is a call of oneDNN that failed.
type fault struct {
	step, status string
}

func newFault(e C.kernel_error) fault {
	status := C.GoString(C.dnnl_status2str(C.dnnl_status_t(e.status)))
	return fault{step: C.GoString(e.step), status: strings.TrimPrefix(status, "dnnl_")}
}

func (f fault) Error() string {
	return fmt.Sprintf("onednn: %s: %s", f.step, f.status)
}
