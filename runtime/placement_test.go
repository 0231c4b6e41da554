package runtime

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// sequencesOf makes sequences of the given lengths.
func sequencesOf(lengths []int) [][]int32 {
	sequences := make([][]int32, len(lengths))
	for i, n := range lengths {
		sequences[i] = make([]int32, n)
	}
	return sequences
}

// Sequences go to ranks in blocks, and a rank's tokens are its even share but for the
// two sequences at the ends of its block.
func TestDealSequences(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ranks := rapid.IntRange(1, 9).Draw(t, "ranks")
		lengths := rapid.SliceOf(rapid.IntRange(0, 50)).Draw(t, "lengths")
		rankOf := dealSequences(sequencesOf(lengths), ranks)
		if len(rankOf) != len(lengths) || !slices.IsSorted(rankOf) {
			t.Fatalf("%v for lengths %v is not one rank a sequence, in blocks", rankOf, lengths)
		}
		total, longest := 0, 0
		tokens := make([]int, ranks)
		for i, n := range lengths {
			if rankOf[i] < 0 || rankOf[i] >= ranks {
				t.Fatalf("sequence %d is on rank %d of %d", i, rankOf[i], ranks)
			}
			tokens[rankOf[i]] += n
			total += n
			longest = max(longest, n)
		}
		for r, n := range tokens {
			if over := n*ranks - total; over > longest*ranks || -over > longest*ranks {
				t.Fatalf("rank %d has %d of %d tokens, the longest sequence has %d: %v of lengths %v", r, n, total, longest, rankOf, lengths)
			}
		}
	})
}

// Sequences of one length are dealt as evenly as whole sequences can be.
func TestDealEqualSequences(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ranks := rapid.IntRange(1, 9).Draw(t, "ranks")
		count := rapid.IntRange(0, 40).Draw(t, "sequences")
		length := rapid.IntRange(1, 300).Draw(t, "length")
		lengths := slices.Repeat([]int{length}, count)
		held := make([]int, ranks)
		for _, r := range dealSequences(sequencesOf(lengths), ranks) {
			held[r]++
		}
		if slices.Max(held)-slices.Min(held) > 1 {
			t.Fatalf("%d sequences on %d ranks: %v", count, ranks, held)
		}
	})
}

func TestNodesOf(t *testing.T) {
	for _, c := range []struct {
		rule  string
		hosts []string
		want  []int32
	}{
		{"one host is one node", []string{"a", "a", "a"}, []int32{0, 0, 0}},
		{"nodes are numbered as they appear", []string{"b", "b", "a"}, []int32{0, 0, 1}},
		{"ranks of a host need not be neighbours", []string{"a", "b", "a", "c", "b"}, []int32{0, 1, 0, 2, 1}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			if got := nodesOf(c.hosts); !slices.Equal(got, c.want) {
				t.Errorf("%v, want %v", got, c.want)
			}
		})
	}
}
