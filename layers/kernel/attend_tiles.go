//go:build cgo && !noonednn

package kernel

/*
#include "attend.h"
#include "panels.h"
*/
import "C"

import (
	"fmt"
	"unsafe"
)

// tileAttender keeps a head in memory as attend.h has it.
type tileAttender struct {
	kind  C.int // of panels, whose instructions it uses
	head  C.kernel_head
	space []uint32
}

// NewAttender implements Library: products of bf16, for those who do not ask for float32.
func (lib *oneDNN) NewAttender() Attender {
	switch kind := lib.panels[lib.dtype]; kind {
	case C.PANELS_AMX, C.PANELS_BF16:
		return &tileAttender{kind: C.int(kind)}
	default:
		return nil
	}
}

func (a *tileAttender) Start(h HeadSizes) {
	a.head = C.kernel_head{keys: C.int64_t(h.Keys), width: C.int64_t(h.Width), values: C.int64_t(h.Value)}
	if n := int(C.kernel_attend_space(&a.head)); len(a.space) < n {
		a.space = make([]uint32, n+n/4) // heads grow by a key at a time
	}
}

func (a *tileAttender) at() *C.uint32_t { return (*C.uint32_t)(unsafe.SliceData(a.space)) }

func (a *tileAttender) Keys(src []uint16, c Columns) {
	c.check("keys", len(src))
	some := columnsOf(c)
	C.kernel_attend_keys(&a.head, a.at(), halves(src), &some)
}

func (a *tileAttender) Values(src []uint16, c Columns) {
	c.check("values", len(src))
	some := columnsOf(c)
	C.kernel_attend_values(&a.head, a.at(), halves(src), &some)
}

func (a *tileAttender) Queries(src []float32, c Columns, scale float32) {
	c.check("queries", len(src))
	some := columnsOf(c)
	C.kernel_attend_queries(&a.head, a.at(), floats(src), &some, C.float(scale))
}

func (a *tileAttender) Attend(dst []float32, b AttentionBlock) {
	n := b.End - b.First
	if n < 1 || n > AttendRows || b.First < 0 || b.End > int(a.head.keys) {
		panic(fmt.Sprintf("kernel: attend: queries %d to %d, head has %d keys", b.First, b.End, int(a.head.keys)))
	}
	if need := (n-1)*b.Stride + int(a.head.values); len(dst) < need {
		panic(fmt.Sprintf("kernel: attend: %d results need %d values, dst holds %d", n, need, len(dst)))
	}
	block := C.kernel_block{first: C.int64_t(b.First), end: C.int64_t(b.End), window: C.int64_t(b.Window), sink: C.float(b.Sink), ld: C.int64_t(b.Stride)}
	C.kernel_attend(a.kind, &a.head, a.at(), floats(dst), &block)
	yield()
}

func columnsOf(c Columns) C.kernel_columns {
	return C.kernel_columns{first: C.int64_t(c.First), n: C.int64_t(c.N), column: C.int64_t(c.Column), width: C.int64_t(c.Width), stride: C.int64_t(c.Stride)}
}
