//go:build cgo && !noonednn

package kernel

import (
	"runtime"
	"strings"
	"testing"
	"time"
)

// A thread is told to yield once in a period, even where another is told meanwhile.
func TestYieldDue(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	const period = 200 * time.Millisecond
	if !yieldDue(0) || yieldDue(period) {
		t.Error("a thread that was just told to yield is told again")
	}
	time.Sleep(period / 2)
	other := make(chan bool)
	go func() {
		runtime.LockOSThread() // and ends with its thread
		other <- yieldDue(0)
	}()
	if !<-other {
		t.Error("a thread is not told to yield as soon as it asks to be")
	}
	time.Sleep(period / 2)
	if !yieldDue(period) {
		t.Errorf("a thread is not told to yield %v after it was", period)
	}
}

// A product of many operations is made in several calls, each of whole panels: rows have the bits that they have alone, in one call.
func TestProductInSeveralCalls(t *testing.T) {
	const m, n, k = 300, 704, 6400
	for kind, name := range panelNames {
		if name == "" || !panelsUsable(int32(kind)) {
			continue
		}
		dtype := F32
		if strings.HasSuffix(name, "bf16") {
			dtype = BF16
		}
		mat := pack(t, mustPanels(t, Options{DType: dtype}, int32(kind)), random(1, n*k, 1), shape{n, k}).(*panelMatrix)
		if mat.panelsOfCall(m) >= mat.c.panels || mat.panelsOfCall(1) < mat.c.panels {
			t.Fatalf("%s: of %d panels a call computes %d, and %d of one row", name, mat.c.panels, mat.panelsOfCall(m), mat.panelsOfCall(1))
		}
		x := random(2, m*k, 1)
		all, one := make([]float32, m*n), make([]float32, n)
		mat.MulTo(all, Values{F32: x}, m)
		for _, row := range []int{0, m / 2, m - 1} {
			mat.MulTo(one, Values{F32: x[row*k:]}, 1)
			if i := firstDifference(all[row*n:][:n], one); i >= 0 {
				t.Errorf("%s: value %d of row %d is %g among others, %g alone", name, i, row, all[row*n+i], one[i])
			}
		}
	}
}
