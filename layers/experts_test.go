package layers

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"capmoe/layers/kernel"
)

func TestExpertsTooLargeToTakeAlone(t *testing.T) {
	for _, c := range []struct {
		name    string
		threads int
		rows    []int // most first
		want    int
	}{
		{"as many for every thread", 2, []int{100, 100, 100, 100}, 0},
		{"one too many", 2, []int{100, 100, 100, 100, 100}, 1},
		{"one too many of many", 2, slices.Repeat([]int{100}, 33), 0},
		{"one that the others make up for", 2, []int{300, 100, 100, 100}, 0},
		{"one that they do not", 2, []int{900, 100, 100, 100, 100}, 1},
		{"two, and then few", 3, []int{900, 800, 100, 100, 100}, 2},
		{"fewer than threads", 4, []int{100, 100, 100}, 3},
		{"few rows cost as much as reading the weights", 2, []int{30, 2, 1, 1}, 0},
		{"no rows", 2, nil, 0},
	} {
		order := make([]int, len(c.rows))
		for i := range order {
			order[i] = i
		}
		x := &experts{in: arrived{compute: c.rows}, order: order, busy: make([]int, c.threads)}
		if got := x.tooLarge(); got != c.want {
			t.Errorf("%s: %d experts of %v are computed by all %d threads together, want %d", c.name, got, c.rows, c.threads, c.want)
		}
	}
}

// madeExperts are experts on a team, and rows that have come for them.
type madeExperts struct {
	experts *experts
	weights []ExpertWeights
	in      arrived
	between int
}

func makeExperts(t *testing.T, dtype kernel.DType, threads int, counts, compute []int) *madeExperts {
	const hidden, inner = 64, 128
	lib, err := kernel.New(kernel.Options{Threads: threads, DType: dtype})
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(7, 1))
	pack := func(n, k int) kernel.Matrix {
		mat, err := lib.Pack(normals(rng, n*k), n, k)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(mat.Free)
		return mat
	}
	m := &madeExperts{experts: newExperts(Parts{Config: Config{Hidden: hidden}, Kernels: lib})}
	for range counts {
		m.weights = append(m.weights, ExpertWeights{GateUp: pack(2*inner, hidden), Down: pack(hidden, inner)})
	}
	carry := carriage{dtype: dtype, hidden: hidden, apart: dtype == kernel.BF16 && threads > 1, bf16: make([][]uint16, 1)}
	n := sum(counts)
	memory := make([]float32, carry.room(n))
	copy(carry.place(memory, n), carry.load(0, normals(rng, n*hidden)))
	m.in = carry.unload(memory, n)
	m.in.counts, m.in.compute, m.in.between = counts, compute, func() { m.between++ }
	return m
}

// Outputs have the same bits whichever threads compute them, and in which order.
func TestExpertsOnAnyTeam(t *testing.T) {
	counts := map[string][]int{
		"as many each": {20, 20, 20, 20, 20, 20}, "one large": {3, 0, 1100, 17, 40, 5}, "two": {300, 200}, "several large": {700, 3, 690, 650}, "one": {0, 0, 530}, "none": {0, 0, 0},
		"few": {1, 2, 1, 3, 1, 0, 1},
	}
	for _, dtype := range []kernel.DType{kernel.F32, kernel.BF16} {
		for name, rows := range counts {
			for _, kept := range []int{1, 3} { // one of them computes a row of three
				t.Run(fmt.Sprintf("%v, %s, 1 in %d", dtype, name, kept), func(t *testing.T) {
					compute := slices.Clone(rows)
					for i := range compute {
						compute[i] /= kept
					}
					var want []float32
					for _, threads := range []int{1, 2, 3} {
						m := makeExperts(t, dtype, threads, rows, compute)
						m.experts.forward(m.in, m.weights)
						if want == nil {
							want = m.in.outputs
						}
						if at := firstDifference(want, m.in.outputs); at >= 0 {
							t.Errorf("%d threads: value %d is %v, %v on one thread", threads, at, m.in.outputs[at], want[at])
						}
						if threads == 1 && m.between == 0 && sum(rows) > 0 {
							t.Error("nothing else went on between experts")
						}
					}
				})
			}
		}
	}
}
