package runtime

import (
	goruntime "runtime"
	"slices"
	"testing"
	"time"

	"capmoe/collective"
	"capmoe/layers"
	"capmoe/layers/capacity"
)

// burn uses the processor for a while.
func burn(cpu time.Duration) {
	for from := threadCPU(); threadCPU()-from < int64(cpu); {
	}
}

// Time goes to the phase of the layer of the step in which it was spent.
func TestClockCells(t *testing.T) {
	goruntime.LockOSThread()
	defer goruntime.UnlockOSThread()
	const work = 3 * time.Millisecond
	c := clock{layers: 2, cell: -1}
	c.begin()
	c.enter(0, layers.Embed)
	c.enter(1, layers.Expert)
	burn(work)
	c.stop()
	burn(work) // between the phases: nobody's
	c.begin()
	c.enter(0, layers.Route)
	burn(work)
	c.stop()
	c.stop()
	if want := 2 * 2 * int(layers.Phases); len(c.cpu) != want || len(c.wall) != want {
		t.Fatalf("%d and %d cells, want %d: steps × layers × phases", len(c.cpu), len(c.wall), want)
	}
	busy := []int{int(layers.Phases) + int(layers.Expert), 2*int(layers.Phases) + int(layers.Route)}
	for i, ns := range c.cpu {
		if d := time.Duration(ns); slices.Contains(busy, i) != (d >= work) {
			t.Errorf("cell %d has %v of CPU time, cells %v were at work for %v", i, d, busy, work)
		}
	}
}

// Waiting takes wall time and no CPU time.
func TestClockWaiting(t *testing.T) {
	goruntime.LockOSThread()
	defer goruntime.UnlockOSThread()
	const pause = 20 * time.Millisecond
	c := clock{layers: 1, cell: -1}
	c.begin()
	c.enter(0, layers.Dispatch)
	time.Sleep(pause)
	c.stop()
	cpu, wall := byPhase(c.cpu)[layers.Dispatch], byPhase(c.wall)[layers.Dispatch]
	if wall < pause || cpu > pause/2 {
		t.Errorf("%v of wall time and %v of CPU time in a pause of %v", wall, cpu, pause)
	}
}

func TestByPhase(t *testing.T) {
	cells := make([]int64, 3*int(layers.Phases)) // one step of three layers
	for i := range cells {
		cells[i] = int64(i)
	}
	for p, got := range byPhase(cells) {
		if want := time.Duration(3*p + 3*int(layers.Phases)); got != want {
			t.Errorf("phase %v: %d ns, want %d", layers.Phase(p), got, want)
		}
	}
}

// meterOf makes a meter of two layers of four experts, on ranks that share nodes two by two.
func meterOf(t *testing.T, c collective.Communicator) *Meter {
	t.Helper()
	nodes := make([]int32, c.Size())
	for r := range nodes {
		nodes[r] = int32(r / 2)
	}
	layout, err := capacity.NewLayout(capacity.Contiguous(4, c.Size()).ExpertRank, nodes)
	if err != nil {
		t.Fatal(err)
	}
	cfg := layers.Config{Layers: 2, Hidden: 8, MoE: layers.MoEConfig{Experts: 4, TopK: 2}}
	hosts := make([]string, c.Size())
	return newMeter(Process{Comm: c, Hosts: hosts}, cfg, layers.Dialect{}, layout)
}

// A run without a step has a report too.
func TestReportOfNothing(t *testing.T) {
	err := collective.Run(2, collective.Options{}, func(c collective.Communicator) error {
		r, err := meterOf(t, c).report()
		if err == nil && (r.Steps != 0 || r.Tokens != 0 || r.Routed != 0 || r.CriticalPath != 0 || len(r.Layers) != 2) {
			t.Errorf("%+v", r)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// The critical path takes the slowest rank in every cell, not the slowest rank of all.
func TestCriticalPath(t *testing.T) {
	err := collective.Run(2, collective.Options{}, func(c collective.Communicator) error {
		m := meterOf(t, c)
		m.clock.begin()
		ms := int64(time.Millisecond)
		set := func(layer int, p layers.Phase, cpu int64) {
			i := layer*int(layers.Phases) + int(p)
			m.clock.cpu[i], m.clock.wall[i] = cpu*ms, (cpu+1)*ms
		}
		mine := int64(c.Rank())
		set(0, layers.Attention, 5)
		set(0, layers.Expert, 1+6*mine)     // 1 and 7
		set(1, layers.Expert, 1+6*(1-mine)) // 7 and 1
		set(1, layers.Combine, 2)
		r := &Report{}
		if err := m.fillTimes(r); err != nil {
			return err
		}
		if r.Seconds["expert"] != 0.014 || r.Seconds["attention"] != 0.005 || r.Seconds["head"] != 0 {
			t.Errorf("seconds %v, want 0.014 of experts, 0.005 of attention", r.Seconds)
		}
		if r.CriticalPath != 0.021 || r.MoESeconds != 0.016 || r.Wall != 0.019 {
			t.Errorf("critical path %v, mixtures %v, wall %v, want 0.021, 0.016, 0.019", r.CriticalPath, r.MoESeconds, r.Wall)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Rows are counted by how far they go, there and back.
func TestTraffic(t *testing.T) {
	err := collective.Run(4, collective.Options{}, func(c collective.Communicator) error {
		m := meterOf(t, c)
		for a, want := range [][]level{
			{sameRank, sameNode, otherNode, otherNode}, {sameNode, sameRank, otherNode, otherNode},
			{otherNode, otherNode, sameRank, sameNode}, {otherNode, otherNode, sameNode, sameRank},
		} {
			for b, w := range want {
				if got := m.distance(a, b); got != w {
					t.Errorf("from rank %d to %d is distance %v, want %v", a, b, got, w)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
