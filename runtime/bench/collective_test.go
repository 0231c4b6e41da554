package bench

import (
	"testing"
	"time"
)

// A repeat sends about as much from every rank for any number of ranks, and is never too short or too long.
func TestCallsByRanks(t *testing.T) {
	for _, c := range []struct{ ranks, bytes, want int }{
		{2, 64, 4000},
		{2, 64 << 10, 455},
		{64, 64, 127},
		{64, 64 << 10, 14},
		{1024, 64, 7},
		{1024, 64 << 10, 4},
	} {
		if got := (CollectiveCase{"alltoallv", c.bytes}).calls(c.ranks); got != c.want {
			t.Errorf("%d calls of %d bytes on %d ranks, want %d", got, c.bytes, c.ranks, c.want)
		}
	}
}

// What slows both programs in some turns leaves their ratio as it is, though the medians of all turns are of different ones.
func TestMedianRatio(t *testing.T) {
	turns := func(medians ...time.Duration) (all []CollectiveResult) {
		for _, m := range medians {
			all = append(all, CollectiveResult{Sample: Sample{Median: m, Min: m - 1, Max: m + 1}})
		}
		return all
	}
	ours, theirs := turns(48, 24, 25, 48, 48), turns(32, 16, 20, 16, 32)
	if r := medianRatio(ours, theirs); r != 1.5 {
		t.Errorf("ratio %g, want 1.5", r)
	}
	if m := medianTurn(ours); m.Median != 48 || m.Min != 23 || m.Max != 49 {
		t.Errorf("the median turn is %+v", m)
	}
	if r := medianRatio(ours, theirs); r != 1.5 {
		t.Errorf("ratio %g once the median turn was found, want 1.5", r)
	}
}
