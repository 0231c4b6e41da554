//go:build cgo && !noonednn

package kernel

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// oneDNN's own packed matrices, which have the work where the CPU has a matrix unit.
func TestOneDNN(t *testing.T) {
	for _, dtype := range []DType{F32, BF16} {
		t.Run(dtype.String(), func(t *testing.T) {
			testPacked(t, func(threads int) Library { return mustOneDNN(t, Options{Threads: threads, DType: dtype}) }, dtype)
		})
	}
}

func mustOneDNN(t *testing.T, opts Options) *oneDNN {
	t.Helper()
	lib, err := newOneDNN(opts)
	if err != nil {
		t.Fatal(err)
	}
	return lib
}

func TestOneDNNUsesBrgemm(t *testing.T) {
	for _, dtype := range []DType{F32, BF16} {
		t.Run(dtype.String(), func(t *testing.T) {
			lib := mustOneDNN(t, Options{DType: dtype})
			if !strings.Contains(lib.Name(), "brg:") {
				t.Skipf("no brgemm on this CPU: %s", lib.Name())
			}
			for _, s := range allShapes {
				if mat := pack(t, lib, make([]float32, s.n*s.k), s); !isOneDNN(mat) {
					t.Errorf("%d×%d was packed by the portable library", s.n, s.k)
				}
			}
		})
	}
}

func TestDefaultUsesPanels(t *testing.T) {
	for _, dtype := range []DType{F32, BF16} {
		lib, err := New(Options{DType: dtype})
		if err != nil {
			t.Fatal(err)
		}
		_, panels := pack(t, lib, make([]float32, 12), shape{3, 4}).(*panelMatrix)
		if want := panelsUsable(dtype) && !strings.Contains(lib.Name(), "amx"); panels != want {
			t.Errorf("%s packs in panels: %t, want %t", lib.Name(), panels, want)
		}
	}
}

func isOneDNN(mat Matrix) bool {
	_, ok := mat.(*oneDNNMatrix)
	return ok
}

// Without AVX-512 oneDNN has no brgemm, and the library must keep its promises all the same. oneDNN reads the limit once, at its
// first call, so this takes a process of its own.
func TestOneDNNWithoutBrgemm(t *testing.T) {
	cmd := exec.Command(os.Args[0], "-test.short", "-test.v", "-test.run=^(TestOneDNN|TestOneDNNUsesBrgemm)$")
	cmd.Env = append(os.Environ(), "ONEDNN_MAX_CPU_ISA=AVX2")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if !strings.Contains(string(out), "packed on gonum") {
		t.Errorf("brgemm was used all the same:\n%s", out)
	}
}
