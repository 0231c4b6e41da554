package runtime

import (
	"testing"

	"capmoe/layers"
	"capmoe/layers/capacity"
)

// However long a run is, some steps are kept, whole and evenly, the first among them.
func TestSurvey(t *testing.T) {
	const numLayers, experts = 2, 3
	for _, steps := range []int{1, 2, surveySteps - 1, surveySteps, surveySteps + 1, 2 * surveySteps, 2*surveySteps + 1, 1000, 4096} {
		s := newSurvey(numLayers, experts)
		c := clock{layers: numLayers, cell: -1}
		for step := range steps {
			c.begin()
			for i := len(c.wall) - numLayers*int(layers.Phases); i < len(c.wall); i++ {
				c.wall[i], c.inside[i] = int64(3*step), int64(step)
			}
			for l := range numLayers {
				n := int64(10*step + l)
				s.add(step, &capacity.Plan{Layer: l, Tokens: step, LoadBefore: []int64{n, n, n}, LoadAfter: []int64{n, n, n + 1}})
			}
			if step%100 == 99 {
				s.addTimes(step-99, &c)
				c.reset()
			}
		}
		s.addTimes(steps-len(c.wall)/(numLayers*int(layers.Phases)), &c)
		taken := s.taken(steps)
		if taken > surveySteps || taken < min(steps, surveySteps/2) {
			t.Errorf("%d of %d steps are kept", taken, steps)
		}
		samples := s.samples(steps, layers.DenseConfig{})
		if len(samples) != taken*numLayers {
			t.Fatalf("%d samples of %d steps and %d layers", len(samples), taken, numLayers)
		}
		for i, got := range samples {
			step, layer := i/numLayers*s.stride, i%numLayers
			want := int64(10*step + layer)
			if got.Layer != layer || got.Tokens != step || got.Before[2] != want || got.After[2] != want+1 {
				t.Errorf("%d steps: sample %d is %+v, want step %d, layer %d", steps, i, got, step, layer)
			}
		}
		if got, want := s.undisturbed(5, steps), int64(2*((taken-1)/4)*s.stride); got != want {
			t.Errorf("%d steps: lower quartile %d, want %d", steps, got, want)
		}
		if got := s.samples(steps, layers.DenseConfig{Layers: []int{0}}); len(got) != taken || got[0].Layer != 1 {
			t.Errorf("%d samples, the first of layer %d, where layer 0 is dense", len(got), got[0].Layer)
		}
	}
}
