package layers

import (
	"math"
	"testing"
)

func TestSoftmaxBeside(t *testing.T) {
	for _, c := range []struct {
		rule string
		more float64
	}{
		{"nothing more", math.Inf(-1)},
		{"a value among the others", 0.5},
		{"a value above the others", 30},
	} {
		t.Run(c.rule, func(t *testing.T) {
			x := []float32{1, -2, 3}
			sum := math.Exp(c.more)
			for _, v := range x {
				sum += math.Exp(float64(v))
			}
			got := append([]float32(nil), x...)
			softmaxBeside(got, float32(c.more))
			for i, v := range x {
				if want := math.Exp(float64(v)) / sum; math.Abs(float64(got[i])-want) > 1e-6*want {
					t.Errorf("element %d is %v, want %v", i, got[i], want)
				}
			}
		})
	}
}
