package kernel

import (
	"slices"
	"testing"
)

func TestReferenceByHand(t *testing.T) {
	w := []float32{1, 2, 3, 4, 5, 6}
	x := []float32{1, 0, -1, 2, 0.5, 0}
	got := []float32{9, 9, 9, 9, 9}
	Reference(got, x, w, 2, 2, 3)
	if want := []float32{-2, -2, 3, 10.5, 9}; !slices.Equal(got, want) {
		t.Errorf("product is %v, want %v", got, want)
	}
}

// 1 + 2⁻³⁰ - 1 vanishes in float32 sums.
func TestReferenceSumsInFloat64(t *testing.T) {
	got := make([]float32, 1)
	Reference(got, []float32{1, 0x1p-30, -1}, []float32{1, 1, 1}, 1, 1, 3)
	if got[0] != 0x1p-30 {
		t.Errorf("sum is %g, want %g", got[0], 0x1p-30)
	}
}
