package bench

import "testing"

// What slows both bodies in some repeats leaves what is made of both as it is, though the medians of all repeats are of different ones.
func TestMedianOf(t *testing.T) {
	steps, _ := sampleOf([]int64{30, 90, 91, 30, 93})
	passes, _ := sampleOf([]int64{10, 30, 10, 10, 31})
	ratio := medianOf(steps.times, passes.times, func(a, b int64) float64 { return float64(a) / float64(b) })
	if steps.Median != 90 || passes.Median != 10 || ratio != 3 {
		t.Errorf("medians %d and %d, ratio %g, want 90, 10 and 3", steps.Median, passes.Median, ratio)
	}
}
