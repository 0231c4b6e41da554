package kernel

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

const hugePage = 2 << 20 // bytes

// newPages makes n values that lie in huge pages as far as the system has them.
func newPages[T float32 | uint16](n int) []T {
	values := make([]T, n)
	memory := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(values))), n*int(unsafe.Sizeof(*new(T))))
	skip := -int(uintptr(unsafe.Pointer(unsafe.SliceData(memory)))) & (hugePage - 1)
	if whole := (len(memory) - skip) / hugePage * hugePage; whole > 0 {
		unix.Madvise(memory[skip:skip+whole], unix.MADV_HUGEPAGE) // without it the memory is as good, but slower
	}
	return values
}
