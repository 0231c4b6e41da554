package runtime

import (
	"testing"

	"capmoe/collective"
	"capmoe/layers"
)

// A meter that is folded now and then reports what one does that is not.
func TestFoldingChangesNothing(t *testing.T) {
	report := func(every int) string {
		var text string
		err := collective.Run(2, collective.Options{}, func(c collective.Communicator) error {
			m := meterOf(t, c)
			for step := range 7 {
				m.steps++
				m.clock.begin()
				for i := range m.layers {
					at := len(m.clock.cpu) - (2-i)*int(layers.Phases) + int(layers.Expert)
					m.clock.cpu[at], m.clock.wall[at] = int64(1e6*(1+step*(1+c.Rank())%5)), 2e6
					m.layers[i].computed = append(m.layers[i].computed, int64(3+step*c.Rank()))
				}
				if every > 0 && m.steps%every == 0 {
					if err := m.fold(); err != nil {
						return err
					}
				}
			}
			r, err := m.report()
			if c.Rank() == 0 && err == nil {
				text = asJSON(t, r)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	want := report(0)
	for _, every := range []int{1, 3, 7} {
		if got := report(every); got != want {
			t.Errorf("folded every %d steps:\n%s, never:\n%s", every, got, want)
		}
	}
}
