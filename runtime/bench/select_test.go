package bench

import (
	"testing"

	"capmoe/collective"
)

func TestOwnersAndHistogramsFindTheSameBars(t *testing.T) {
	for _, ranks := range []int{1, 2, 3} {
		err := collective.Run(ranks, collective.Options{}, func(c collective.Communicator) error {
			for _, tokens := range []int{1, 16, 500} {
				for _, overloaded := range []int{1, 5} {
					if _, err := Select(c, tokens, overloaded, 1); err != nil {
						return err
					}
				}
			}
			return nil
		})
		if err != nil {
			t.Errorf("P=%d: %v", ranks, err)
		}
	}
}
