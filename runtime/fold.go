package runtime

import (
	"capmoe/collective"
	"capmoe/layers/capacity"
)

// foldSteps is how many steps a long run goes on before it folds its meter.
const foldSteps = 1024

// fold puts together over the ranks what they have measured step by step since the last
// time, and keeps the sums only. All ranks call it after the same step.
func (m *Meter) fold() error {
	for i := range m.layers {
		if m.dense.At(i) {
			continue
		}
		if err := m.foldLoads(&m.layers[i]); err != nil {
			return err
		}
	}
	return m.foldTimes()
}

// foldTimes takes of every step the slowest rank in each phase of each layer, and the
// rank that came last to its exchanges.
func (m *Meter) foldTimes() error {
	m.clock.stop()
	m.sums.add(&m.clock)
	m.survey.addTimes(m.folded, &m.clock)
	if err := m.waits.fold(m.comm, m.clock.inside); err != nil {
		return err
	}
	if err := collective.AllReduce(m.comm, collective.Max, m.clock.cpu); err != nil {
		return err
	}
	for i, ns := range m.clock.cpu {
		m.slowest[i%len(m.slowest)] += ns
	}
	m.folded = m.steps
	m.clock.reset()
	return nil
}

// foldLoads gathers the pairs that every rank computed in a layer, step by step.
func (m *Meter) foldLoads(l *layerMeter) error {
	ranks, steps := m.comm.Size(), len(l.computed)
	all := make([]int64, ranks*steps)
	if err := collective.AllGather(m.comm, all, l.computed); err != nil {
		return err
	}
	step := make([]int64, ranks)
	for s := range steps {
		for r := range ranks {
			step[r] = all[r*steps+s]
			l.rankLoads[r] += step[r]
		}
		l.rankAfter += capacity.MaxOverMean(step)
	}
	l.computed = l.computed[:0]
	return nil
}
