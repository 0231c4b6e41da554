package kernel

import (
	"os"
	"regexp"
	"testing"
)

func TestGonumNameIsTheVersionInGoMod(t *testing.T) {
	mod, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	version := regexp.MustCompile(`gonum\.org/v1/gonum v(\d+\.\d+)`).FindSubmatch(mod)
	if version == nil {
		t.Fatal("go.mod does not name gonum")
	}
	if got, want := Gonum().Name(), "gonum "+string(version[1]); got != want {
		t.Errorf("Name is %q, go.mod has %q", got, want)
	}
}

// A product large enough for Sgemm to go parallel by itself must stay on the caller's goroutine; the goroutines would show as
// allocations.
func TestGonumStaysOnOneThread(t *testing.T) {
	lib := Gonum()
	s, m := shape{300, 64}, maxBatch
	mat := pack(t, lib, random(1, s.n*s.k, 1), s)
	x, dst := random(2, m*s.k, 1), make([]float32, m*s.n)
	if n := testing.AllocsPerRun(5, func() { mat.MulTo(dst, Values{F32: x}, m) }); n > 0 {
		t.Errorf("packed product: %g allocations", n)
	}
	g := newGemm(Gemm{M: 300, N: 300, K: 64, Alpha: 1}, 0)
	if n := testing.AllocsPerRun(5, func() { lib.Gemm(g) }); n > 0 {
		t.Errorf("gemm: %g allocations", n)
	}
}
