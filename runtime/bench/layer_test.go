package bench

import (
	"slices"
	"strings"
	"testing"

	"capmoe/collective"
	"capmoe/layers/capacity"
	"capmoe/runtime"
)

func TestLayerMeasuresWhatCapacitySaves(t *testing.T) {
	err := collective.Run(2, collective.Options{}, func(c collective.Communicator) error {
		p := runtime.Process{Comm: c, Hosts: slices.Repeat([]string{"host"}, 2), Threads: 1}
		lc := LayerCase{Shape: Shape{Name: "small", Hidden: 64, Inner: 32, Experts: 8, TopK: 2}, Tokens: 128, Skew: 2}
		results, err := Layer(p, lc, []string{"dropless", "reroute"}, []capacity.Config{{}, {Policy: capacity.Reroute, Expert: capacity.Times(1)}}, 2)
		if err != nil || c.Rank() != 0 {
			return err
		}
		base, capped := results[0], results[1]
		if base.Kept != 256 || base.Bound != 1 || base.Speedup != 1 {
			t.Errorf("dropless keeps %d of 256 pairs, bound %v, speed-up %v", base.Kept, base.Bound, base.Speedup)
		}
		if capped.MaxLoad >= base.MaxLoad || capped.MaxLoad > 4*32 {
			t.Errorf("busiest rank computes %d pairs under γ 1, %d dropless, 128 at most", capped.MaxLoad, base.MaxLoad)
		}
		if len(base.Phases) != 5 || base.Count != 2 {
			t.Errorf("%d phases, %d repeats, want 5 and 2", len(base.Phases), base.Count)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A layer that memory has no room for is refused before any of it is taken.
func TestLayersFit(t *testing.T) {
	if runtime.AvailableMemory() == 0 {
		t.Skip("the system does not say how much memory is available")
	}
	err := collective.Run(2, collective.Options{}, func(c collective.Communicator) error {
		p := runtime.Process{Comm: c, Hosts: slices.Repeat([]string{"host"}, 2), Threads: 1}
		lc := LayerCase{Shape: Shape{Name: "huge", Hidden: 1 << 20, Inner: 1 << 20, Experts: 4, TopK: 2}, Tokens: 2}
		_, layer := Layer(p, lc, []string{"dropless"}, []capacity.Config{{}}, 1)
		_, overlap := Overlap(p, lc, nil, []int{1}, 1)
		for name, err := range map[string]error{"layer": layer, "overlap": overlap} {
			if err == nil || !strings.Contains(err.Error(), "2 experts take 24576.0 GiB a rank, and of the 2 ranks of this host 49152.0 GiB, of which ") {
				t.Errorf("rank %d: %s: %v", c.Rank(), name, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
