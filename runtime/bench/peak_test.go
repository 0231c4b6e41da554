package bench

import (
	"math"
	"testing"

	"capmoe/collective"
	"capmoe/layers/kernel"
	"capmoe/runtime"
)

// A rate is that of the slower rank of each pass, and of the passes since the last time.
func TestPeakRate(t *testing.T) {
	err := collective.Run(2, collective.Options{}, func(c collective.Communicator) error {
		k := &peak{shape: [3]int{10, 20, 30}}
		for _, passes := range [][2][]int64{{{100, 400, 300}, {200, 100, 500}}, {{7, 8, 9}, {6, 5, 4}}} {
			k.passes = append(k.passes, passes[c.Rank()]...)
			want := 2 * 10 * 20 * 30 / 400.0
			if passes[0][0] == 7 {
				want = 2 * 10 * 20 * 30 / 8.0
			}
			if rate, err := k.rate(c); err != nil || math.Abs(rate-want) > 1e-9 {
				t.Errorf("rank %d: %g GFLOP/s, want %g; %v", c.Rank(), rate, want, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// A pass keeps the time of its fastest product: no product takes longer than all of them.
func TestPeakPass(t *testing.T) {
	lib, err := kernel.New(kernel.Options{})
	if err != nil {
		t.Fatal(err)
	}
	err = collective.Run(1, collective.Options{}, func(c collective.Communicator) error {
		k, err := newPeak(runtime.Process{Comm: c, Hosts: []string{"host"}, Threads: 1, Turns: 8}, lib)
		if err != nil {
			return err
		}
		defer k.free()
		pass, err := measure(c, 2, k.pass)
		if err != nil {
			return err
		}
		if len(k.passes) != 3 || k.passes[0] <= 0 || k.passes[2]*int64(k.repeats) > int64(pass.Max) {
			t.Errorf("fastest products of passes take %v ns, a pass of %d takes %v at most", k.passes, k.repeats, pass.Max)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
