package runtime

import (
	"math"
	"testing"
	"time"

	"capmoe/collective"
	"capmoe/layers"
	"capmoe/layers/capacity"
)

// What the ranks measured is what is attributed: time in exchanges is wire and waiting,
// work is wall time outside of them, and every rank has its own clocks in the report.
func TestAttributedTimes(t *testing.T) {
	ms := int64(time.Millisecond)
	inside := []int64{9, 1, 4} // of the ranks, in a dispatch of 10 ms
	err := collective.Run(3, collective.Options{}, func(c collective.Communicator) error {
		m := meterOf(t, c)
		m.hosts = []string{"n0", "n0", "n1"}
		m.steps++
		m.clock.begin()
		set := func(p layers.Phase, cpu, wall, in int64) {
			m.clock.cpu[p], m.clock.wall[p], m.clock.inside[p] = cpu*ms, wall*ms, in*ms
		}
		set(layers.Expert, 3, 5, 0)
		set(layers.Dispatch, 2, 10, inside[c.Rank()])
		for i := range m.layers {
			m.planned(&capacity.Plan{Layer: i, LoadBefore: []int64{1, 1, 1, 1}, LoadAfter: []int64{1, 1, 1, 1}, Ledger: capacity.Ledger{Tokens: 7}}, nil, 2)
		}
		r, err := m.report()
		if err != nil {
			return err
		}
		f := r.Attribution
		for _, n := range []struct {
			what      string
			got, want float64
		}{
			{"wire", f.Seconds.Wire, 0.001},
			{"waiting for rank 1", f.Seconds.Waiting, 0.011 / 3},
			{"waiting for others", f.WaitingForOthers, 0},
			{"work of the slowest", f.Work, 0.005 + 0.009},
			{"mean work", f.MeanWork, 0.005 + 0.016/3},
			{"arrival skew", f.Seconds.ArrivalSkew, 0.009 - 0.016/3},
			{"CPU time of rank 2's experts", r.RankSeconds[2].CPU["expert"], 0.003},
			{"wall time of rank 2's dispatch", r.RankSeconds[2].Wall["dispatch"], 0.010},
		} {
			if math.Abs(n.got-n.want) > 1e-12 {
				t.Errorf("%s is %v, want %v", n.what, n.got, n.want)
			}
		}
		if f.Slowest != 1 || f.Host != "n0" || r.RankSeconds[2].Host != "n1" || r.RankSeconds[2].Rank != 2 {
			t.Errorf("rank %d on %s, last %+v", f.Slowest, f.Host, r.RankSeconds[2])
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// An evaluation of more steps than a meter keeps folds it, and goes on.
func TestLongEvaluationFolds(t *testing.T) {
	m := newMade(t, 21, madeDeepSeek)
	m.fill()
	const steps = foldSteps + 3
	ids := make([]int32, 2*steps)
	onEngines(t, m.write(), 2, func(e *Engine) error {
		if err := e.Use(Routing{}); err != nil {
			return err
		}
		most := 0
		r, err := e.Evaluate(ids, Evaluation{Window: 2, Batch: 1}, func(int, int) { most = max(most, e.meter.steps-e.meter.folded) })
		if err != nil {
			return err
		}
		if most != foldSteps || r.Steps != steps || e.meter.folded != steps {
			t.Errorf("%d steps, %d folded, %d unfolded at most, want %d steps, %d at most", r.Steps, e.meter.folded, most, steps, foldSteps)
		}
		if r.Tokens != 2*steps || r.Attribution == nil || len(r.RankSeconds) != 2 {
			t.Errorf("%d tokens, attribution %v, seconds of %d ranks", r.Tokens, r.Attribution, len(r.RankSeconds))
		}
		return nil
	})
}
