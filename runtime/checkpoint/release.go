package checkpoint

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Release tells the system that t has been read: its mapped pages no longer count to
// this process's memory. Reading it again brings them back.
func (t Tensor) Release() {
	if len(t.Data) == 0 {
		return
	}
	page := uintptr(os.Getpagesize())
	start := uintptr(unsafe.Pointer(&t.Data[0]))
	skip := (page - start%page) % page
	if uintptr(len(t.Data)) < skip+page {
		return
	}
	whole := (uintptr(len(t.Data)) - skip) / page * page
	unix.Madvise(t.Data[skip:skip+whole], unix.MADV_DONTNEED) // best effort: memory only
}
