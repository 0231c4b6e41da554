package checkpoint

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Want tells the system that t is about to be read: it may read ahead.
func (t Tensor) Want() { t.advise(unix.MADV_WILLNEED) }

// Release tells the system that t has been read: its mapped pages no longer count to
// this process's memory. Reading it again brings them back.
func (t Tensor) Release() { t.advise(unix.MADV_DONTNEED) }

// advise speaks of the pages that are t's alone. It is best effort: nothing but time and
// memory hangs on it.
func (t Tensor) advise(how int) {
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
	_ = unix.Madvise(t.Data[skip:skip+whole], how)
}
