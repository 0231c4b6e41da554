package layers

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestBalanceIsAPlacement(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ranks := rapid.IntRange(1, 9).Draw(t, "ranks")
		load := rapid.SliceOfN(rapid.Int64Range(0, 1000), ranks, 40).Draw(t, "load")
		redundant := rapid.IntRange(0, 20).Draw(t, "redundant")
		p := Balance(load, ranks, redundant)
		copies := make([]int, len(load))
		total := 0
		for r, held := range p.Held {
			if len(held) == 0 {
				t.Fatalf("rank %d holds nothing", r)
			}
			for i, e := range held {
				copies[e]++
				total++
				if slices.Contains(held[:i], e) {
					t.Fatalf("rank %d holds expert %d twice", r, e)
				}
			}
		}
		for e, n := range copies {
			if n == 0 {
				t.Fatalf("expert %d is nowhere", e)
			}
		}
		if want := min(len(load)+redundant, len(load)*ranks); total != want {
			t.Fatalf("%d replicas, want %d", total, want)
		}
	})
}

func TestBalanceEvensOutAHotExpert(t *testing.T) {
	load := []int64{90, 10, 10, 10, 10, 10, 10, 10} // the four-rank share is 40
	p := Balance(load, 4, 4)
	copies := map[int]int{}
	for _, held := range p.Held {
		for _, e := range held {
			copies[e]++
		}
	}
	if copies[0] != 4 {
		t.Fatalf("the hot expert has %d replicas, want one on each of 4 ranks: %v", copies[0], p.Held)
	}
	for r, held := range p.Held {
		sum := 0.0
		for _, e := range held {
			sum += float64(load[e]) / float64(copies[e])
		}
		if sum > 45 {
			t.Errorf("rank %d carries %v of 160, mean 40: %v", r, sum, p.Held)
		}
	}
}
