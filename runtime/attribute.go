package runtime

import (
	"time"

	"capmoe/collective"
	"capmoe/layers"
	"capmoe/runtime/attribution"
)

// fillRanks gathers the clocks of all ranks, and attributes the time of the slowest.
func (m *Meter) fillRanks(r *Report) error {
	ranks, cells := m.comm.Size(), len(m.slowest)
	mine := append(append(append([]int64{m.tokens()}, m.sums.cpu...), m.sums.wall...), m.work()...)
	all := make([]int64, ranks*len(mine))
	if err := collective.AllGather(m.comm, all, mine); err != nil {
		return err
	}
	waited := append([]int64{}, m.waits.forRank...)
	if err := collective.AllReduce(m.comm, collective.Sum, waited); err != nil {
		return err
	}
	run := m.newRun()
	for rank := range ranks {
		of := all[rank*len(mine) : (rank+1)*len(mine)]
		run.Tokens[rank] = of[0]
		of = of[1:]
		r.RankSeconds = append(r.RankSeconds, RankSeconds{
			Rank: rank, Host: m.hosts[rank], CPU: phaseSeconds(of[:cells]), Wall: phaseSeconds(of[cells : 2*cells]),
		})
		for i, ns := range of[2*cells:] {
			run.Work[rank*cells+i] = time.Duration(ns).Seconds()
		}
		run.WaitedFor[rank] = time.Duration(waited[rank]).Seconds() / float64(ranks)
	}
	if m.timed && m.steps > 0 {
		r.Attribution = attribution.Attribute(run)
	}
	return nil
}

// newRun is what all ranks know of the run, with room for what they measured.
func (m *Meter) newRun() *attribution.Run {
	ranks, numLayers := m.comm.Size(), len(m.layers)
	run := &attribution.Run{
		Hosts: m.hosts, CPU: m.crowded, Dense: make([]bool, numLayers),
		Work: make([]float64, ranks*len(m.slowest)), Tokens: make([]int64, ranks), Rows: make([]int64, ranks*numLayers),
		Wire: time.Duration(m.waits.wire).Seconds(), WaitedFor: make([]float64, ranks),
		TopK: m.topK, Load: make([][]int64, numLayers), Held: m.placed, Samples: m.survey.samples(m.steps, m.dense),
	}
	for i := range m.layers {
		if run.Dense[i] = m.dense.At(i); run.Dense[i] {
			continue
		}
		run.Load[i] = m.layers[i].after
		for rank, n := range m.layers[i].rankLoads {
			run.Rows[rank*numLayers+i] = n
		}
	}
	if run.Held == nil {
		for range m.layers {
			run.Held = append(run.Held, layers.PlacementOf(m.layout))
		}
	}
	return run
}

// work is this rank's own time, [layers, phases] ns: its wall time outside of exchanges.
// Where ranks share cores that would be others' time too: there phases that compute
// count CPU time, and in phases that exchange every step counts as one in which nothing
// came between.
func (m *Meter) work() []int64 {
	work := make([]int64, len(m.slowest))
	for i := range work {
		switch p := layers.Phase(i % int(layers.Phases)); {
		case !m.crowded:
			work[i] = m.sums.wall[i] - m.sums.inside[i]
		case p == layers.Plan || p == layers.Dispatch || p == layers.Combine:
			if m.steps > 0 {
				work[i] = int64(m.steps) * m.survey.undisturbed(i, m.steps)
			}
		default:
			work[i] = m.sums.cpu[i]
		}
	}
	return work
}

// tokens is how many went through this rank's attention.
func (m *Meter) tokens() int64 {
	for i := range m.layers {
		if !m.dense.At(i) {
			return m.layers[i].ledger.Tokens
		}
	}
	return 0
}

func phaseSeconds(cells []int64) map[string]float64 {
	by := map[string]float64{}
	for p, d := range byPhase(cells) {
		by[layers.Phase(p).String()] = seconds(d)
	}
	return by
}

func total(values []int64) (sum int64) {
	for _, v := range values {
		sum += v
	}
	return sum
}
