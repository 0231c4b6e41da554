//go:build cgo && !noonednn

package kernel

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// oneDNN's own packed matrices, which no library of ours is left to use but in tests, where its brgemm keeps the promises.
func TestOneDNN(t *testing.T) {
	for _, dtype := range []DType{F32, BF16} {
		t.Run(dtype.String(), func(t *testing.T) {
			if lib := mustOneDNN(t, Options{DType: dtype}); !hasBrgemm(lib) && !testing.Short() {
				t.Skipf("packs on the portable library, whose suite is TestGonum: %s", lib.Name())
			}
			testPacked(t, func(threads int) Library { return mustOneDNN(t, Options{Threads: threads, DType: dtype}) }, dtype)
		})
	}
}

func hasBrgemm(lib *oneDNN) bool { return !strings.Contains(lib.Name(), lib.portable.Name()) }

func mustOneDNN(t testing.TB, opts Options) *oneDNN {
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
			if !hasBrgemm(lib) {
				t.Skipf("no brgemm that keeps the promises on this CPU: %s", lib.Name())
			}
			for _, s := range allShapes {
				if mat := pack(t, lib, make([]float32, s.n*s.k), s); !isOneDNN(mat) {
					t.Errorf("%d×%d was packed by the portable library", s.n, s.k)
				}
			}
		})
	}
}

// In builds without oneDNN the default is the library of TestGonum.
func TestDefault(t *testing.T) {
	testLibrary(t, func(opts Options) Library {
		lib, err := New(opts)
		if err != nil {
			t.Fatal(err)
		}
		return lib
	})
}

func TestDefaultUsesPanels(t *testing.T) {
	for _, dtype := range []DType{F32, BF16} {
		lib, err := New(Options{DType: dtype})
		if err != nil {
			t.Fatal(err)
		}
		_, panels := pack(t, lib, make([]float32, 12), shape{3, 4}).(*panelMatrix)
		if want := panelKind(dtype) != 0; panels != want || strings.Contains(lib.Name(), "panels") != want {
			t.Errorf("%s packs in panels: %t, want %t", lib.Name(), panels, want)
		}
	}
}

// Kinds of panels that the default leaves aside on this CPU, which has better ones.
func TestPanels(t *testing.T) {
	for kind, name := range panelNames {
		dtype := F32
		if strings.HasSuffix(name, "bf16") {
			dtype = BF16
		}
		if name == "" || panelKind(dtype) == int32(kind) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			if !panelsUsable(int32(kind)) {
				t.Skip("not on this CPU")
			}
			testPacked(t, func(threads int) Library { return mustPanels(t, Options{Threads: threads, DType: dtype}, int32(kind)) }, dtype)
		})
	}
}

// Gemm by vectors that are not the widest of this CPU.
func TestGemmNarrow(t *testing.T) {
	if gemmLanes() <= 8 {
		t.Skip("vectors of 8 are the widest, or are not there: TestDefault has them")
	}
	testGemm(t, func(threads int) Library {
		lib := mustOneDNN(t, Options{Threads: threads})
		lib.lanes = 8
		return lib
	})
}

// mustPanels is the library that packs in panels of a kind.
func mustPanels(t testing.TB, opts Options, kind int32) *oneDNN {
	t.Helper()
	lib := mustOneDNN(t, opts)
	lib.usePanels()
	lib.panels[opts.DType], lib.name = kind, panelNames[kind]
	return lib
}

func isOneDNN(mat Matrix) bool {
	_, ok := mat.(*oneDNNMatrix)
	return ok
}

// Without AVX-512 oneDNN has no brgemm, and the library must keep its promises all the same. oneDNN reads the limit once, at its
// first call, so this takes a process of its own.
func TestOneDNNWithoutBrgemm(t *testing.T) {
	cmd := exec.Command(os.Args[0], "-test.short", "-test.v", "-test.run=^(TestOneDNN|TestOneDNNUsesBrgemm)$/^(f32|bf16)$/^(products_equal_the_reference|products_allocate_nothing)$")
	cmd.Env = append(os.Environ(), "ONEDNN_MAX_CPU_ISA=AVX2")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if !strings.Contains(string(out), "packed on gonum") {
		t.Errorf("brgemm was used all the same:\n%s", out)
	}
}
