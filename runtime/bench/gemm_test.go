package bench

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"capmoe/collective"
	"capmoe/layers/kernel"
	"capmoe/runtime"
)

var smallShape = Shape{Name: "small", Hidden: 72, Inner: 40, Experts: 3, TopK: 1}

func TestGemmMeasuresEveryCase(t *testing.T) {
	for _, dtype := range []kernel.DType{kernel.F32, kernel.BF16} {
		err := collective.Run(2, collective.Options{}, func(c collective.Communicator) error {
			r, err := Gemm(runtime.Process{Comm: c, Hosts: []string{"a", "a"}, Threads: 1, Turns: 10}, GemmCase{Shape: smallShape, DType: dtype, Rows: []int{1, 13}, Repeats: 3}, counted(t, 6))
			if err != nil {
				return err
			}
			if r.Experts != 3 || r.Ranks != 2 || r.DType != dtype.String() || len(r.Results) != 2 || r.Peak <= 0 || r.ReadBytes <= 0 {
				t.Errorf("%+v", r)
			}
			for i, rows := range []int{1, 13} {
				g := r.Results[i]
				flops := float64(2 * rows * 3 * 72 * 40 * 3)
				if g.Rows != rows || g.Count != 3 || g.GFlops != flops/float64(g.Median) || g.Best < g.GFlops || g.OfPeak != g.GFlops/r.Peak {
					t.Errorf("%d rows: %+v", rows, g)
				}
				if want := float64(3*3*72*40*dtype.Bytes()) / g.Median.Seconds(); g.WeightBytes != want {
					t.Errorf("%d rows read %g bytes a second, want %g", rows, g.WeightBytes, want)
				}
			}
			return nil
		})
		if err != nil {
			t.Errorf("%v: %v", dtype, err)
		}
	}
}

func TestGemmVerifies(t *testing.T) {
	for _, dtype := range []kernel.DType{kernel.F32, kernel.BF16} {
		lib, err := kernel.New(kernel.Options{DType: dtype})
		if err != nil {
			t.Fatal(err)
		}
		g, err := newGemmExperts(lib, GemmCase{Shape: smallShape, DType: dtype, Repeats: 1}, 2)
		if err != nil {
			t.Fatal(err)
		}
		defer g.free()
		alone := func() error {
			return collective.Run(1, collective.Options{}, func(c collective.Communicator) error {
				_, err := g.measure(c, 5, 1)
				return err
			})
		}
		if err := alone(); err != nil {
			t.Errorf("%v: %v", dtype, err)
		}
		for what, w := range map[string][]kernel.Matrix{"gate and up": g.gateUp, "down": g.down} {
			right := w[1]
			w[1] = w[0]
			if err := alone(); err == nil || !strings.Contains(err.Error(), what+" of expert 1") {
				t.Errorf("%v, %s of another expert: %v", dtype, what, err)
			}
			w[1] = right
		}
	}
}

func TestShapeOf(t *testing.T) {
	for _, s := range Shapes {
		if got, err := ShapeOf(s.Name); err != nil || got != s {
			t.Errorf("%s is %+v, %v", s.Name, got, err)
		}
	}
	if _, err := ShapeOf("gpt"); err == nil || !strings.Contains(err.Error(), "olmoe, mixtral") {
		t.Errorf("unknown shape: %v", err)
	}
	if names := ShapeNames(); len(slices.Compact(slices.Sorted(slices.Values(names)))) != len(Shapes) {
		t.Errorf("names %v are not unique", names)
	}
}

// A fault while packing is told, and what was packed before is freed.
func TestGemmExpertsTellFaults(t *testing.T) {
	fault := errors.New("no memory")
	lib := &failing{Library: kernel.Gonum(), left: 3, fault: fault}
	g, err := newGemmExperts(lib, GemmCase{Shape: smallShape}, 4)
	if !errors.Is(err, fault) || len(g.gateUp) != 2 || len(g.down) != 1 {
		t.Errorf("%v with %d and %d matrices packed", err, len(g.gateUp), len(g.down))
	}
	g.free()
}

// failing is a library that packs so many matrices and then fails.
type failing struct {
	kernel.Library
	left  int
	fault error
}

func (f *failing) Pack(w []float32, n, k int) (kernel.Matrix, error) {
	if f.left--; f.left < 0 {
		return nil, f.fault
	}
	return f.Library.Pack(w, n, k)
}
