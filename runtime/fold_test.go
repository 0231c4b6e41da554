package runtime

import (
	"testing"

	"capmoe/collective"
	"capmoe/layers"
	"capmoe/layers/capacity"
)

// A meter that is folded now and then reports what one does that is not.
func TestFoldingChangesNothing(t *testing.T) {
	const steps = 3*surveySteps + 7
	report := func(every int, crowded bool) string {
		var text string
		err := collective.Run(2, collective.Options{}, func(c collective.Communicator) error {
			m := meterOf(t, c)
			m.crowded = crowded
			for step := range steps {
				m.steps++
				m.clock.begin()
				for i := range m.layers {
					at := len(m.clock.cpu) - (2-i)*int(layers.Phases) + int(layers.Expert)
					m.clock.cpu[at], m.clock.wall[at] = int64(1e6*(1+step*(1+c.Rank())%5)), 2e6
					m.clock.cpu[at+1], m.clock.wall[at+1], m.clock.inside[at+1] = 1e5, int64(5e6*(1+step)), int64(4e6*(1+step*c.Rank()))
					m.layers[i].computed = append(m.layers[i].computed, int64(3+step*c.Rank()))
					m.survey.add(step, &capacity.Plan{Layer: i, Tokens: 8, LoadBefore: []int64{4, 4, int64(step), 8}, LoadAfter: []int64{4, 4, int64(step), 4}})
				}
				if every > 0 && m.steps%every == 0 {
					if err := m.fold(); err != nil {
						return err
					}
				}
			}
			r, err := m.report()
			if c.Rank() == 0 && err == nil {
				if r.Attribution == nil || r.Attribution.Seconds.Wire == 0 {
					t.Errorf("attribution %+v", r.Attribution)
				}
				text = asJSON(t, r)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	for _, crowded := range []bool{false, true} {
		want := report(0, crowded)
		for _, every := range []int{1, 3, 7, 100} {
			if got := report(every, crowded); got != want {
				t.Errorf("folded every %d steps:\n%s, never:\n%s", every, got, want)
			}
		}
	}
}
