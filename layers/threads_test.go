package layers

import (
	"fmt"
	"testing"

	"capmoe/layers/capacity"
	"capmoe/layers/kernel"
)

// Ranks of several threads take their experts in another order than those of one, and all ranks lay rows out alike, though not all have as many.
func TestThreadsChangeNoBit(t *testing.T) {
	for name, nodes := range nodeMaps {
		for i, d := range everyDialect(t) {
			m := makeMixture(uint64(70+i), 61)
			m.nodes, m.overlap = nodes, i%4
			for _, m.kernels = range []kernel.DType{kernel.F32, kernel.BF16} {
				m.carried = m.kernels
				if err := m.sameOnThreads(d, i%2 == 1); err != nil {
					t.Errorf("%s, %v, %v by %v, padded %v: %v", name, m.kernels, d.Policy.Policy, d.Wire, d.Wire == Padded, err)
				}
			}
		}
	}
}

// everyDialect is the baselines, and every policy over every wire that carries it.
func everyDialect(t *testing.T) (all []Dialect) {
	for _, name := range Baselines() {
		d, err := Baseline(name, capacity.Times(1), 3)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, d)
	}
	for _, wire := range append(wires, AllGather) {
		for _, policy := range policies {
			all = append(all, Dialect{policy, wire})
		}
	}
	return all
}

// sameOnThreads holds the mixture on four ranks of different numbers of threads against that on four of one, bit by bit.
func (m made) sameOnThreads(d Dialect, idle bool) error {
	want, _, _, err := m.run(4, idle, d)
	if err != nil {
		return err
	}
	for _, m.threads = range [][]int{{3, 3, 3, 3}, {1, 2, 5, 1}} {
		got, _, _, err := m.run(4, idle, d)
		if err != nil {
			return err
		}
		if at := firstDifference(want, got); at >= 0 {
			return fmt.Errorf("ranks of %v threads: value %d is %v, %v where each has one", m.threads, at, got[at], want[at])
		}
	}
	return nil
}
