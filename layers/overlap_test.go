package layers

import (
	"slices"
	"testing"

	"capmoe/layers/kernel"
)

// Of nine experts on four ranks, one has three: with three chunks some are empty.
func TestChunksChangeNoBit(t *testing.T) {
	for name, nodes := range nodeMaps {
		for chunks := range 4 {
			for i, policy := range policies {
				m := makeMixture(uint64(50+i), 61)
				m.nodes, m.overlap = nodes, chunks
				m.kernels = kernel.DType(i % 2)
				m.carried = m.kernels
				if err := m.equalsOneRank(Dialect{Policy: policy}); err != nil {
					t.Errorf("%s, %d chunks, %v: %v", name, chunks, policy.Policy, err)
				}
			}
		}
	}
}

func TestChunksChangeNoBitOfABaseline(t *testing.T) {
	for _, baseline := range []string{"megatron-pad", "megablocks"} {
		sameBaseline(t, baseline, "two chunks", func(m *made) { m.nodes, m.overlap = nodeMaps["ranks dealt in turns"], 2 })
	}
}

// Bits are the same while it is tried and after it is decided, and the ranks decide alike, else they would wait for each other.
func TestOverlapIsDecidedOnTheWay(t *testing.T) {
	m := makeMixture(60, 61)
	var found [4]*overlap
	m.spoil = func(moe *MoE) {
		d := moe.exchange[0].(*allToAll)
		found[d.comm.Rank()] = d.lap
	}
	want, _, _, err := m.run(1, false, Dialect{})
	if err != nil {
		t.Fatal(err)
	}
	m.nodes, m.steps = nodeMaps["two nodes"], 2*overlapRounds+2
	got, _, _, err := m.run(4, false, Dialect{})
	if err != nil {
		t.Fatal(err)
	}
	if at := firstDifference(want, got); at >= 0 {
		t.Errorf("value %d is %v, %v on one rank", at, got[at], want[at])
	}
	for rank, o := range found {
		if k := o.classes[6]; k.degree == 0 || k.degree != found[0].classes[6].degree || k.tokens != m.tokens {
			t.Errorf("rank %d chooses %d chunks for steps of %d tokens, rank 0 %d", rank, k.degree, k.tokens, found[0].classes[6].degree)
		}
	}
}

func TestFewChunksUnlessMoreAreFaster(t *testing.T) {
	for rule, test := range map[string]struct {
		times []int64 // [rounds, 3 degrees], the first round warms up
		want  int
	}{
		"the fastest is taken":            {[]int64{1, 9, 9, 500, 400, 300, 510, 410, 310}, 4},
		"one chunk where it is":           {[]int64{9, 1, 1, 300, 400, 500, 310, 410, 510}, 1},
		"a gain of less than 1 % is none": {[]int64{9, 1, 1, 1000, 995, 992, 1000, 995, 992}, 1},
		"an outlier decides nothing":      {[]int64{9, 9, 9, 500, 400, 450, 500, 9000, 450, 500, 400, 450}, 2},
	} {
		k := overlapClass{times: test.times}
		if k.decide([]int{1, 2, 4}); k.degree != test.want {
			t.Errorf("%s: %d chunks, want %d; medians %v", rule, k.degree, test.want, k.median)
		}
	}
}

func TestEveryDegreeIsMeasuredAsOften(t *testing.T) {
	o := &overlap{degrees: []int{1, 2, 4, 8}}
	k := &overlapClass{}
	var seen [4][4]int // [layer of four, degree]
	for k.trials = range 16 {
		seen[k.trials%4][o.turn(k)]++
	}
	if want := slices.Repeat([]int{1}, 4); !slices.Equal(seen[0][:], want) || !slices.Equal(seen[3][:], want) {
		t.Errorf("turns of the degrees in four layers: %v, want each once", seen)
	}
}
