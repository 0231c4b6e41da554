//go:build cgo && !noonednn

package kernel

/*
#cgo LDFLAGS: -ldnnl -lgomp -lm
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
// on their batch, and the portable library packs instead. A library that packs in panels takes from oneDNN no more than its name.
type oneDNN struct {
	engine   *C.kernel_engine
	name     string
	team     *team
	dtype    DType
	panels   [2]int32 // kind of panels that matrices of each DType are packed in; 0: none
	rows     sync.Pool
	lanes    int // of the vectors of Gemm's own kernel; 0: it has none
	portable *gonumLibrary

	mu     sync.Mutex
	shapes map[sides]*C.kernel_shape // nil where there is no brgemm
}

func newOneDNN(opts Options) (*oneDNN, error) {
	lib := &oneDNN{team: newTeam(opts.threads()), dtype: opts.DType, rows: sync.Pool{New: func() any { return new([]uint32) }}, portable: newGonum(opts), shapes: map[sides]*C.kernel_shape{}}
	if e := C.kernel_engine_new(&lib.engine, C.int(opts.threads())); e.step != nil {
		return nil, fmt.Errorf("kernel: new: %w", newFault(e))
	}
	version := C.dnnl_version()
	lib.name = fmt.Sprintf("onednn %d.%d.%d ", version.major, version.minor, version.patch)
	sample := sides{64, 64, opts.DType}
	shape, impl, err := lib.newShape(sample)
	if err != nil {
		return nil, fmt.Errorf("kernel: new: %w", err)
	}
	lib.shapes[sample] = shape
	lib.lanes = gemmLanes()
	lib.name += impl
	if shape == nil {
		lib.name += ", packed on " + lib.portable.Name()
	}
	return lib, nil
}

// usePanels packs in panels, which are faster, where the CPU has the instructions.
func (lib *oneDNN) usePanels() {
	for dtype := range lib.panels {
		lib.panels[dtype] = panelKind(DType(dtype))
	}
	if kind := lib.panels[lib.dtype]; kind != 0 {
		lib.name = panelNames[kind]
	}
}

func (lib *oneDNN) Name() string {
	return lib.name
}

// shape returns the layout and primitives for weights, nil where oneDNN has no brgemm.
func (lib *oneDNN) shape(of sides) (*C.kernel_shape, error) {
	lib.mu.Lock()
	defer lib.mu.Unlock()
	if s, ok := lib.shapes[of]; ok {
		return s, nil
	}
	s, _, err := lib.newShape(of)
	if err != nil {
		return nil, err
	}
	lib.shapes[of] = s
	return s, nil
}

func (lib *oneDNN) newShape(of sides) (s *C.kernel_shape, impl string, err error) {
	var name [64]C.char
	sides := C.kernel_sides{n: C.int64_t(of.n), k: C.int64_t(of.k), bf16: flag(of.dtype == BF16)}
	if e := C.kernel_shape_new(&s, &name[0], lib.engine, sides); e.step != nil {
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
