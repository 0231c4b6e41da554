package layers

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"capmoe/layers/capacity"
	"capmoe/layers/kernel"
)

// sameCarried holds the mixture whose rows travel in the type of its matrices against that whose rows
// travel as float32, on four ranks, which are where nodes says and on one node, bit by bit.
func (m made) sameCarried(d Dialect, nodes []int32) error {
	want, _, _, err := m.run(4, false, d)
	if err != nil {
		return err
	}
	m.nodes, m.carried = nodes, m.kernels
	for _, idle := range []bool{false, true} {
		if idle && d.Policy.Scope == capacity.Local {
			continue // its plan depends on where tokens are
		}
		got, _, _, err := m.run(4, idle, d)
		if err != nil {
			return err
		}
		if at := firstDifference(want, got); at >= 0 {
			return fmt.Errorf("value %d is %v, %v where rows travel as float32", at, got[at], want[at])
		}
	}
	return nil
}

// Experts that round their rows give the same bits whether rows are rounded before they travel or after.
func TestRowsOfBF16ChangeNoBit(t *testing.T) {
	for name, nodes := range nodeMaps {
		for i, policy := range policies {
			m := makeMixture(uint64(40+i), 61)
			m.kernels = kernel.BF16
			if err := m.sameCarried(Dialect{Policy: policy}, nodes); err != nil {
				t.Errorf("%s, %v: %v", name, policy.Policy, err)
			}
		}
	}
}

func TestRowsOfBF16ChangeNoBitOfABaseline(t *testing.T) {
	for _, name := range Baselines() {
		for where, nodes := range nodeMaps {
			m := makeMixture(41, 60)
			m.kernels = kernel.BF16
			d, err := Baseline(name, capacity.Times(1), m.cfg.MoE.TopK)
			if err != nil {
				t.Fatal(err)
			}
			if err := m.sameCarried(d, nodes); err != nil {
				t.Errorf("%s, %s: %v", name, where, err)
			}
		}
	}
}

func TestRowsOfBF16ReachReplicas(t *testing.T) {
	m := makeMixture(42, 50)
	m.kernels = kernel.BF16
	load := make([]int64, m.cfg.MoE.Experts)
	load[2], load[5] = 90, 70
	m.placements = []Placement{Balance(load, 4, 5)}
	for name, nodes := range nodeMaps {
		if err := m.sameCarried(Dialect{}, nodes); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Outputs grow from the start of their memory over rows that lie at its end, and reach none too early.
func TestOutputsReachOnlyRowsThatWereRead(t *testing.T) {
	const hidden = 3
	for _, n := range []int{0, 1, 2, 5} {
		c := carriage{dtype: kernel.BF16, hidden: hidden, bf16: make([][]uint16, 1)}
		x := make([]float32, n*hidden)
		for i := range x {
			x[i] = float32(i + 1)
		}
		memory := make([]float32, c.room(n))
		copy(c.place(memory, n), c.load(0, x))
		in := c.unload(memory, n)
		for row := range n { // an expert reads its row before it writes
			read := slices.Clone(in.rows.BF16[row*hidden : (row+1)*hidden])
			for j, bits := range read {
				if got := math.Float32frombits(uint32(bits) << 16); got != x[row*hidden+j] {
					t.Fatalf("row %d of %d, column %d is read as %v, was %v", row, n, j, got, x[row*hidden+j])
				}
				in.outputs[row*hidden+j] = -x[row*hidden+j]
			}
		}
	}
}
