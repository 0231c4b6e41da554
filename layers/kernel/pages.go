package kernel

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// HugePage is the bytes of a huge page.
const HugePage = 2 << 20

// newPages makes n values that lie in huge pages as far as the system has them, but for the last that fill none.
func newPages[T float32 | uint16](n int) []T {
	size := int(unsafe.Sizeof(*new(T)))
	if n*size < HugePage {
		return make([]T, n)
	}
	values := make([]T, n+HugePage/size) // room to begin with a page
	skip := (-int(uintptr(unsafe.Pointer(unsafe.SliceData(values)))) & (HugePage - 1)) / size
	values = values[skip : skip+n : skip+n]
	whole := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(values))), n*size/HugePage*HugePage)
	unix.Madvise(whole, unix.MADV_HUGEPAGE) // without it the memory is as good, but slower
	return values
}
