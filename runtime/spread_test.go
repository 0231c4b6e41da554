package runtime

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// Spread over ranks, a sequence has the logits that it has whole, bit for bit, whoever is beside it.
func TestSpreadSequencesHaveTheSameBits(t *testing.T) {
	for rule, m := range cachedConfigs(t) {
		t.Run(rule, func(t *testing.T) {
			dir := m.write()
			sequences := [][]int32{m.text(200), m.text(3), m.text(129), m.text(128)}
			for _, some := range [][][]int32{sequences[:1], sequences[:2], {sequences[1], sequences[0]}, {sequences[0], sequences[2], sequences[1]}, sequences[3:]} {
				want := logitsOn(t, dir, 1, Routing{}, some)
				for _, ranks := range []int{2, 3, 4} {
					if i, j := firstOther(logitsOn(t, dir, ranks, Routing{}, some), want); i >= 0 {
						t.Errorf("P=%d: sequence %d of %d differs at value %d", ranks, i, len(some), j)
					}
				}
			}
		})
	}
}

func firstOther(got, want [][]float32) (sequence, value int) {
	for i := range want {
		if len(got[i]) != len(want[i]) {
			return i, 0
		}
		for j, v := range want[i] {
			if math.Float32bits(v) != math.Float32bits(got[i][j]) {
				return i, j
			}
		}
	}
	return -1, -1
}

// Prompts that all ranks bring, in pieces too, are continued as those of one rank.
func TestSpreadPromptsAreContinuedAlike(t *testing.T) {
	for rule, m := range cachedConfigs(t) {
		t.Run(rule, func(t *testing.T) {
			dir := m.write()
			requests := someRequests(9, m.text(200), m.text(5), m.text(150), m.text(193))
			requests[0].Temperature = 1
			want, _ := generateOn(t, dir, 1, Routing{}, requests, Generation{Limits: wide})
			for _, ranks := range []int{2, 3, 4} {
				for _, limits := range []Limits{wide, {Sequences: 1, Tokens: 128}, {Sequences: 2, Tokens: 140}} {
					got, report := generateOn(t, dir, ranks, Routing{}, requests, Generation{Limits: limits})
					if err := sameTokens(got, want); err != nil {
						t.Errorf("P=%d, %+v: %v", ranks, limits, err)
					}
					for i, r := range got {
						if r.Routed != want[i].Routed || r.Kept != want[i].Kept {
							t.Errorf("P=%d, %+v: request %d routed %d pairs, kept %d, want %d and %d", ranks, limits, i, r.Routed, r.Kept, want[i].Routed, want[i].Kept)
						}
					}
					if steps := report.SharedSteps; steps < report.DecodeSteps || steps == report.Steps {
						t.Errorf("P=%d: dense products of %d steps of %d were shared, want %d of decode, none of many tokens", ranks, steps, report.Steps, report.DecodeSteps)
					}
					if report.Routed == 0 {
						t.Errorf("P=%d: no pairs", ranks)
					}
				}
			}
		})
	}
}

// Pieces of two tokens or more follow each other from page to page, every rank has about as many tokens, and the owner has the last.
func TestCut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, ranks := rapid.IntRange(leastSpread, 5000).Draw(t, "tokens"), rapid.IntRange(2, 9).Draw(t, "ranks")
		owner := rapid.IntRange(0, ranks-1).Draw(t, "owner")
		next, loads := 0, make([]int, ranks)
		for i, p := range Cut(n, owner, ranks) {
			if p.First != next || p.First%64 != 0 || p.N < 2 {
				t.Fatalf("piece %d is %d tokens at %d, want the next at %d", i, p.N, p.First, next)
			}
			next += p.N
			loads[p.Rank] += p.N
			if next == n && p.Rank != owner {
				t.Fatalf("the last piece is rank %d's, want %d", p.Rank, owner)
			}
		}
		if next != n {
			t.Fatalf("pieces have %d tokens of %d", next, n)
		}
		if most, mean := slices.Max(loads), (n+ranks-1)/ranks; n >= 64*2*ranks && most > mean+128 {
			t.Fatalf("a rank has %d tokens, the mean is %d", most, mean)
		}
	})
}
