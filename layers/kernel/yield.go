//go:build cgo && !noonednn

package kernel

/*
#include "yield.h"
*/
import "C"

import (
	"runtime"
	"time"
)

const (
	// yieldPeriod is less than the 10 ms after which Go's monitor takes a thread's processor away in the middle of a call into C, and then
	// wakes every 20 µs, on the core that computes, for as long as such calls go on.
	yieldPeriod = 4 * time.Millisecond

	// callFlops is what one call into C computes at most, but for a single panel; callFlopsAMX, with the matrix unit. It takes much less than a
	// yieldPeriod.
	callFlops    = 1 << 27
	callFlopsAMX = 1 << 30
)

// yield goes through Go's scheduler if this thread has not for a yieldPeriod.
func yield() {
	if yieldDue(yieldPeriod) {
		runtime.Gosched()
	}
}

// yieldDue tells whether so much time has passed since it last told this thread so.
func yieldDue(after time.Duration) bool { return C.kernel_yield_due(C.int64_t(after)) != 0 }
