package bench

import (
	"fmt"
	"math"
	"time"

	"capmoe/collective"
	"capmoe/layers/kernel"
	"capmoe/runtime"
)

// peakShapes are products that stay in a core's or a few cores' cache: rows, columns, depth.
var peakShapes = [][3]int{{128, 512, 512}, {256, 512, 512}, {128, 512, 1024}, {256, 1024, 512}, {256, 1024, 1024}, {512, 1024, 1024}}

// peakRepeats is how many products of each shape there are of a rank, or of those that take turns on a core.
const peakRepeats = 40

// measurePeak is the best of many products of each shape, in GFLOP/s of one rank while all ranks run them, and the shape
// that reached it.
func measurePeak(p runtime.Process, lib kernel.Library) (rate float64, at string, err error) {
	peak, err := newPeak(p, lib)
	if err != nil {
		return 0, "", err
	}
	defer peak.free()
	return peak.fastest, peak.String(), nil
}

// peak multiplies what stays in cache, in the shape that is fastest on this core.
type peak struct {
	shape   [3]int
	w       kernel.Matrix
	x, y    []float32
	repeats int
	fastest float64 // GFLOP/s of one rank, while all ranks multiply
	passes  []int64 // nanoseconds of the fastest product of each
}

// newPeak finds the shape. All ranks call it.
func newPeak(p runtime.Process, lib kernel.Library) (*peak, error) {
	var best *peak
	repeats := max(2, shareOf(peakRepeats, p.Turns))
	for _, shape := range peakShapes {
		k, err := newProduct(p.Comm, lib, shape, repeats)
		if err != nil {
			best.free()
			return nil, err
		}
		if best == nil || k.fastest > best.fastest {
			k, best = best, k
		}
		k.free()
	}
	return best, nil
}

// newProduct measures a shape.
func newProduct(c collective.Communicator, lib kernel.Library, shape [3]int, repeats int) (*peak, error) {
	m, n, k := shape[0], shape[1], shape[2]
	w, err := lib.Pack(normals(1, n*k), n, k)
	if err := collective.Agree(c, err); err != nil {
		return nil, err
	}
	product := &peak{shape: shape, w: w, x: normals(2, m*k), y: make([]float32, m*n), repeats: repeats}
	sample, err := measure(c, repeats, func() error { product.multiply(); return nil })
	if err != nil {
		product.free()
		return nil, err
	}
	product.fastest = gflops(product.flops(), sample.Min)
	return product, nil
}

func (k *peak) multiply() { k.w.MulTo(k.y, kernel.Values{F32: k.x}, k.shape[0]) }

// pass multiplies until cache holds what is needed, and the core is at its full speed, and keeps the time of the fastest product.
func (k *peak) pass() error {
	fastest := int64(math.MaxInt64)
	for range k.repeats {
		start := time.Now()
		k.multiply()
		fastest = min(fastest, int64(time.Since(start)))
	}
	k.passes = append(k.passes, fastest)
	return nil
}

// rate is the GFLOP/s of one rank in the median of the passes since the last call, the slowest rank's of each. All ranks call it.
func (k *peak) rate(c collective.Communicator) (float64, error) {
	passes := k.passes
	k.passes = nil
	if err := collective.AllReduce(c, collective.Max, passes); err != nil {
		return 0, err
	}
	sample, _ := sampleOf(passes)
	return gflops(k.flops(), sample.Median), nil
}

func (k *peak) flops() int { return 2 * k.shape[0] * k.shape[1] * k.shape[2] }

func (k *peak) String() string { return fmt.Sprintf("%d×%d×%d", k.shape[0], k.shape[1], k.shape[2]) }

func (k *peak) free() {
	if k != nil {
		k.w.Free()
	}
}

func gflops(flops int, d time.Duration) float64 {
	return float64(flops) / float64(d.Nanoseconds())
}
