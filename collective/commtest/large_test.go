package commtest

import "testing"

// Of large blocks every rank sends and receives as many as there are ranks, but no more than mostLarge.
func TestLargeBlocksAreFew(t *testing.T) {
	always := large(func(int, int, int) int { return 1000 })
	for _, size := range []int{1, 2, mostLarge, mostLarge + 1, 100, 1024} {
		sent, received := make([]int, size), make([]int, size)
		for src := range size {
			for dst := range size {
				if always(size, src, dst) == 1000 {
					sent[src]++
					received[dst]++
				}
			}
		}
		for rank, want := 0, min(size, mostLarge); rank < size; rank++ {
			if sent[rank] != want || received[rank] != want {
				t.Fatalf("rank %d of %d sends %d large blocks and receives %d, want %d", rank, size, sent[rank], received[rank], want)
			}
		}
	}
}
