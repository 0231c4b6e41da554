package runtime

import (
	"slices"

	"capmoe/layers"
	"capmoe/layers/capacity"
	"capmoe/runtime/attribution"
)

// survey keeps some steps of a run whole, evenly over it and at most surveySteps: every
// stride-th, where the stride doubles as the run grows. All ranks keep the same.
type survey struct {
	layers, experts int
	stride          int
	tokens          []int32 // [steps, layers]
	before, after   []int32 // [steps, layers, E] loads, the same on every rank
	own             []int64 // [steps, layers, phases] this rank's wall time outside of exchanges, ns
}

const surveySteps = 64

func newSurvey(numLayers, experts int) *survey {
	s := &survey{layers: numLayers, experts: experts, stride: 1}
	s.tokens = make([]int32, surveySteps*numLayers)
	s.before, s.after = make([]int32, surveySteps*numLayers*experts), make([]int32, surveySteps*numLayers*experts)
	s.own = make([]int64, surveySteps*numLayers*int(layers.Phases))
	return s
}

// slot is where a step is kept, or -1.
func (s *survey) slot(step int) int {
	for step >= surveySteps*s.stride {
		s.thin()
	}
	if step%s.stride != 0 {
		return -1
	}
	return step / s.stride
}

// thin leaves every other step out.
func (s *survey) thin() {
	s.stride *= 2
	for i := range surveySteps / 2 {
		keep(s.tokens, i)
		keep(s.before, i)
		keep(s.after, i)
		keep(s.own, i)
	}
}

// keep moves the second next part of a slice of surveySteps parts.
func keep[T any](all []T, i int) {
	n := len(all) / surveySteps
	copy(all[i*n:(i+1)*n], all[2*i*n:])
}

// add takes the loads of a layer in a step.
func (s *survey) add(step int, plan *capacity.Plan) {
	at := s.slot(step)
	if at < 0 {
		return
	}
	at = at*s.layers + plan.Layer
	s.tokens[at] = int32(plan.Tokens)
	for e := range s.experts {
		s.before[at*s.experts+e] = int32(plan.LoadBefore[e])
		s.after[at*s.experts+e] = int32(plan.LoadAfter[e])
	}
}

// addTimes takes a clock's steps, of which the first is given.
func (s *survey) addTimes(first int, c *clock) {
	n := s.layers * int(layers.Phases)
	for i := range len(c.wall) / n {
		if at := s.slot(first + i); at >= 0 {
			for j := range n {
				s.own[at*n+j] = c.wall[i*n+j] - c.inside[i*n+j]
			}
		}
	}
}

// taken is how many steps of a run are kept.
func (s *survey) taken(steps int) int { return (steps + s.stride - 1) / s.stride }

// undisturbed is a cell's own time, ns, in the lower quartile of the steps kept: what else
// runs on a rank's core can only add to it.
func (s *survey) undisturbed(cell, steps int) int64 {
	n := s.layers * int(layers.Phases)
	values := make([]int64, s.taken(steps))
	for i := range values {
		values[i] = s.own[i*n+cell]
	}
	slices.Sort(values)
	return values[(len(values)-1)/4]
}

// samples are the loads of the layers that have experts in the steps kept.
func (s *survey) samples(steps int, dense layers.DenseConfig) []attribution.Sample {
	var samples []attribution.Sample
	for i := range s.taken(steps) * s.layers {
		if layer := i % s.layers; !dense.At(layer) {
			samples = append(samples, attribution.Sample{
				Layer: layer, Tokens: int(s.tokens[i]),
				Before: widened(s.before[i*s.experts : (i+1)*s.experts]), After: widened(s.after[i*s.experts : (i+1)*s.experts]),
			})
		}
	}
	return samples
}

func widened(loads []int32) []int64 {
	out := make([]int64, len(loads))
	for i, n := range loads {
		out[i] = int64(n)
	}
	return out
}
