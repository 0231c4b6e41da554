package kernel

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

const hugePage = 2 << 20 // bytes

// NewPages makes n values that lie in huge pages as far as the system has them: what is read from one end to the other is read
// faster then.
func NewPages(n int) []float32 {
	values := make([]float32, n)
	memory := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(values))), 4*n)
	skip := -int(uintptr(unsafe.Pointer(unsafe.SliceData(memory)))) & (hugePage - 1)
	if whole := (len(memory) - skip) / hugePage * hugePage; whole > 0 {
		unix.Madvise(memory[skip:skip+whole], unix.MADV_HUGEPAGE) // without it the memory is as good, but slower
	}
	return values
}
