package layers

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"capmoe/collective"
	"capmoe/layers/capacity"
	"capmoe/layers/kernel"
)

// nodeMaps are places of four ranks.
var nodeMaps = map[string][]int32{
	"one node":             {0, 0, 0, 0},
	"two nodes":            {0, 0, 1, 1},
	"ranks dealt in turns": {0, 1, 0, 1},
	"three on one":         {0, 1, 1, 1},
	"every rank alone":     {0, 1, 2, 3},
	"no rank on node 1":    {0, 2, 2, 0},
}

// wires are those whose results have the same bits on any map of nodes.
var wires = []Wire{AllToAll, Hierarchical}

// equalsOneRank holds the mixture on four ranks against that on one, bit by bit.
func (m made) equalsOneRank(d Dialect) error {
	alone := m
	alone.nodes, alone.placements, alone.spoil = nil, nil, nil
	one, _, _, err := alone.run(1, false, d)
	if err != nil {
		return err
	}
	for _, idle := range []bool{false, true} {
		four, _, _, err := m.run(4, idle, d)
		if err != nil {
			return err
		}
		if at := firstDifference(one, four); at >= 0 {
			return fmt.Errorf("value %d is %v, %v on one rank", at, four[at], one[at])
		}
	}
	return nil
}

func TestNodesChangeNoBit(t *testing.T) {
	for name, nodes := range nodeMaps {
		for i, policy := range policies {
			m := makeMixture(uint64(20+i), 61)
			m.nodes = nodes
			if err := m.equalsOneRank(Dialect{Policy: policy}); err != nil {
				t.Errorf("%s, %v: %v", name, policy.Policy, err)
			}
		}
	}
}

// Baselines of scope local depend on the number of ranks, not on where they are.
func TestNodesChangeNoBitOfABaseline(t *testing.T) {
	for _, baseline := range []string{"megatron-pad", "tutel", "megablocks", "deepspeed"} {
		for name, nodes := range nodeMaps {
			sameBaseline(t, baseline, name, func(m *made) { m.nodes = nodes })
		}
	}
}

// sameBaseline holds a baseline on four ranks of one node against the same where something is changed.
func sameBaseline(t *testing.T, baseline, change string, apply func(*made)) {
	t.Helper()
	m := makeMixture(5, 60)
	d, err := Baseline(baseline, capacity.Times(1), m.cfg.MoE.TopK)
	if err != nil {
		t.Fatal(err)
	}
	want, _, _, err := m.run(4, false, d)
	if err != nil {
		t.Fatal(err)
	}
	apply(&m)
	got, _, _, err := m.run(4, false, d)
	if err != nil {
		t.Fatal(err)
	}
	if at := firstDifference(want, got); at >= 0 {
		t.Errorf("%s, %s: value %d is %v, %v on one node", baseline, change, at, got[at], want[at])
	}
}

func TestReplicasAreReachedOnEveryNode(t *testing.T) {
	m := makeMixture(6, 50)
	load := make([]int64, m.cfg.MoE.Experts)
	load[2], load[5] = 90, 70
	m.placements = []Placement{Balance(load, 4, 5)}
	for name, nodes := range nodeMaps {
		m.nodes = nodes
		if err := m.equalsOneRank(Dialect{}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// stingy is a window that cannot grow.
type stingy struct{ collective.Window }

func (s stingy) Grow(int) error { return fmt.Errorf("no more: %w", collective.ErrNotShared) }

func TestWithoutSharedMemoryRowsTravelByMessages(t *testing.T) {
	for name, nodes := range nodeMaps {
		for i := range 4 {
			wire, dtype := wires[i/2], kernel.DType(i%2)
			m := makeMixture(7, 50)
			m.nodes, m.kernels, m.carried = nodes, dtype, dtype
			where := PlacementOf(capacity.Contiguous(m.cfg.MoE.Experts, 4))
			m.placements = []Placement{where, where} // the second layer's exchange finds the mailbox left by the first
			m.spoil = func(moe *MoE) {
				if box := boxOf(moe.exchange[0]); len(box.mates) > 1 && nodes[box.mates[0]] == nodes[3] { // one node has too little
					box.window = stingy{box.window}
				}
			}
			if err := m.equalsOneRank(Dialect{Wire: wire}); err != nil {
				t.Errorf("%s, %v, %v: %v", name, wire, dtype, err)
			}
		}
	}
}

func boxOf(e exchange) *mailbox {
	if h, relayed := e.(*hierarchical); relayed {
		return h.box
	}
	return e.(*allToAll).box
}

func TestExchangeAllocatesNothingOnceWarm(t *testing.T) {
	for _, wire := range wires {
		for _, dtype := range []kernel.DType{kernel.F32, kernel.BF16} {
			for _, chunks := range []int{1, 2} {
				t.Run(fmt.Sprintf("%v, %v, %d chunks", wire, dtype, chunks), func(t *testing.T) { testExchangeAllocations(t, wire, dtype, chunks) })
			}
		}
	}
}

func testExchangeAllocations(t *testing.T, wire Wire, dtype kernel.DType, chunks int) {
	m := makeMixture(8, 40)
	h := m.cfg.Hidden
	for name, nodes := range nodeMaps {
		err := collective.Run(4, collective.Options{}, func(c collective.Communicator) error {
			l := capacity.Contiguous(m.cfg.MoE.Experts, 4)
			l, err := capacity.NewLayout(l.ExpertRank, nodes)
			if err != nil {
				return err
			}
			planner, err := capacity.NewPlanner(c, capacity.Config{}, capacity.Model{Experts: m.cfg.MoE.Experts, TopK: m.cfg.MoE.TopK}, l)
			if err != nil {
				return err
			}
			ex, err := newExchanges(c, Parts{Config: m.cfg, Wire: wire, DType: dtype, Layout: l, Overlap: chunks})
			if err != nil {
				return err
			}
			tokens := []int32{int32(10 * c.Rank()), int32(10*c.Rank() + 1)}
			scores := make([]float32, 2*m.cfg.MoE.Experts)
			for i := range scores {
				scores[i] = float32((i*7+c.Rank())%11) / 11
			}
			plan, err := planner.Plan(capacity.Step{Scores: scores, Tokens: tokens})
			if err != nil {
				return err
			}
			y, x := make([]float32, 2*h), slices.Clone(m.x[:2*h])
			var fault error
			step := func() {
				err := ex[0].begin(plan, x)
				for more := true; more && err == nil; {
					var in arrived
					in, err = ex[0].finish(plan)
					more = in.more
				}
				if err == nil {
					err = ex[0].combine(plan, y)
				}
				if err != nil {
					fault = err
				}
			}
			return errors.Join(allocatesNothing(c, step), fault)
		})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// allocatesNothing runs a step that all ranks make together, once to warm up and then again: nothing is allocated by any of them.
func allocatesNothing(c collective.Communicator, step func()) error {
	const runs = 10
	step()
	if c.Rank() > 0 {
		for range runs + 1 { // as often as AllocsPerRun
			step()
		}
		return nil
	}
	if n := testing.AllocsPerRun(runs, step); n != 0 {
		return fmt.Errorf("%v allocations in a step", n)
	}
	return nil
}

// A rank with another plan is found before a row moves.
func TestExchangeRefusesAnotherPlan(t *testing.T) {
	for _, wire := range wires {
		t.Run(wire.String(), func(t *testing.T) { testAnotherPlan(t, wire) })
	}
}

func testAnotherPlan(t *testing.T, wire Wire) {
	for name, nodes := range nodeMaps {
		m := makeMixture(9, 40)
		err := collective.Run(4, collective.Options{}, func(c collective.Communicator) error {
			l := capacity.Contiguous(m.cfg.MoE.Experts, 4)
			l, err := capacity.NewLayout(l.ExpertRank, nodes)
			if err != nil {
				return err
			}
			ex, err := newExchanges(c, Parts{Config: m.cfg, Wire: wire, Layout: l})
			if err != nil {
				return err
			}
			plan := &capacity.Plan{Offset: []int32{0}, LoadBefore: make([]int64, 9), LoadAfter: make([]int64, 9), LoadSent: make([]int64, 9)}
			if c.Rank() == 2 {
				plan.Tokens = 1
			}
			if err := ex[0].begin(plan, nil); err == nil {
				return fmt.Errorf("rank %d goes on", c.Rank())
			}
			return nil
		})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A mate may still read this rank's head of the step before when this rank writes the next.
func TestHeadsTakeTurns(t *testing.T) {
	var b mailbox
	b.words = 16
	b.seclude(0)
	first, second, third := b.open(), b.open(), b.open()
	first[0], second[0] = 1, 2
	if first[0] != 1 || third[0] != 1 {
		t.Fatalf("heads of three steps hold %d, %d, %d, want 1, 2, 1", first[0], second[0], third[0])
	}
}
