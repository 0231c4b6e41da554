//go:build cgo && !noonednn

package kernel

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

func TestOneDNNUsesBrgemm(t *testing.T) {
	for _, dtype := range []DType{F32, BF16} {
		t.Run(dtype.String(), func(t *testing.T) {
			lib, err := New(Options{DType: dtype})
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(lib.Name(), "onednn ") {
				t.Fatalf("default library is %s", lib.Name())
			}
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

// Where bf16 goes in panels, oneDNN's own bf16 must keep the same promises: it has the work on CPUs with a matrix unit.
func TestOneDNNBF16(t *testing.T) {
	testPacked(t, func(threads int) Library {
		lib, err := newOneDNN(Options{Threads: threads, DType: BF16})
		if err != nil {
			t.Fatal(err)
		}
		if !lib.panels {
			t.Skipf("the default library is oneDNN's bf16 already, or has none: %s", lib.Name())
		}
		lib.panels = false
		return lib
	}, BF16)
}

func isOneDNN(mat Matrix) bool {
	_, portable := mat.(*gonumMatrix)
	return !portable
}

// Without AVX-512 oneDNN has no brgemm for float32, and the default library must keep its promises all the same. oneDNN reads the
// limit once, at its first call, so this takes a process of its own.
func TestOneDNNWithoutBrgemm(t *testing.T) {
	cmd := exec.Command(os.Args[0], "-test.short", "-test.v", "-test.run=^(TestDefault|TestOneDNNUsesBrgemm)$")
	cmd.Env = append(os.Environ(), "ONEDNN_MAX_CPU_ISA=AVX2")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if !strings.Contains(string(out), "packed on gonum") {
		t.Errorf("brgemm was used all the same:\n%s", out)
	}
}
