package runtime

import (
	"slices"
	"testing"

	"capmoe/collective"
)

// The rank with the least time in an exchange came last: the others waited for it.
func TestWaits(t *testing.T) {
	inside := [][]int64{ // by rank, in exchanges one after the other
		{10, 7, 0, 5},
		{3, 9, 0, 5},
		{12, 8, 0, 5},
	}
	waited := [][]int64{ // by rank, for each rank
		{0, 7, 0},
		{2, 0, 0},
		{1, 9, 0},
	}
	err := collective.Run(3, collective.Options{}, func(c collective.Communicator) error {
		w := waits{forRank: make([]int64, 3)}
		if err := w.fold(c, inside[c.Rank()]); err != nil {
			return err
		}
		if w.wire != 3+7+0+5 {
			t.Errorf("wire %d, want 15", w.wire)
		}
		if !slices.Equal(w.forRank, waited[c.Rank()]) {
			t.Errorf("rank %d waited %v, want %v", c.Rank(), w.forRank, waited[c.Rank()])
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
