package bench

import "testing"

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
