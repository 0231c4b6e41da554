package runtime

import (
	"capmoe/collective"
	"capmoe/layers"
	"capmoe/layers/capacity"
	"capmoe/layers/kernel"
)

// Meter gathers a run's numbers on one rank as the steps go.
type Meter struct {
	comm collective.Communicator
	layers.Dialect
	baseline string
	layout   capacity.Layout
	topK     int
	hidden   int
	dtype    kernel.DType // of rows on their way to experts; outputs come back as float32
	dense    layers.DenseConfig
	layers   []layerMeter
	clock    clock
	steps    int
	folded   int                  // steps before the last fold
	slowest  []int64              // [layers, phases] ns: Σ over those of the largest CPU time of any rank
	sums     times                // of those on this rank
	waits    waits                // in those
	survey   *survey              // some steps, whole
	hosts    []string             // [P]
	crowded  bool                 // ranks share cores
	timed    bool                 // the communicator tells the time inside operations
	placed   []layers.Placement   // [layers] where experts are replicated, else nil
	observe  func(*capacity.Plan) // is shown every plan; may be nil
}

// layerMeter is one layer's numbers, summed over the steps.
type layerMeter struct {
	ledger        capacity.Ledger // this rank's tokens
	before, after []int64         // [E] all ranks
	capacity      int             // the largest of any step that has one
	room          float64         // effective factor × routed, summed over the steps with a capacity
	bounded       int64           // routed in those
	rounds        int             // most of any step
	expertBefore  float64         // Σ over steps of max/mean load
	expertAfter   float64
	rankBefore    float64
	rankAfter     float64
	rankLoads     []int64       // [P] pairs that every rank computed
	computed      []int64       // [steps since the last fold] pairs that this rank computed
	bytes         [levels]int64 // rows sent by this rank, there and back
}

// level is how far a row travels.
type level int

const (
	sameRank level = iota
	sameNode
	otherNode
	levels
)

// newMeter makes the meter of a run, and lets the ranks' communicator tell it the time.
func newMeter(p Process, cfg layers.Config, d layers.Dialect, l capacity.Layout) *Meter {
	c, cells := p.Comm, cfg.Layers*int(layers.Phases)
	m := &Meter{
		comm: c, hosts: p.Hosts, crowded: p.Crowded(),
		Dialect: d, layout: l, topK: cfg.MoE.TopK, hidden: cfg.Hidden, dense: cfg.Dense, layers: make([]layerMeter, cfg.Layers),
		clock:   clock{layers: cfg.Layers, cell: -1},
		slowest: make([]int64, cells), sums: newTimes(cells), waits: waits{forRank: make([]int64, c.Size())},
		survey: newSurvey(cfg.Layers, cfg.MoE.Experts),
	}
	m.timed = collective.TimeInto(c, &m.clock.spent)
	for i := range m.layers {
		m.layers[i].before = make([]int64, cfg.MoE.Experts)
		m.layers[i].after = make([]int64, cfg.MoE.Experts)
		m.layers[i].rankLoads = make([]int64, c.Size())
	}
	return m
}

// hooks lets the meter watch a model.
func (m *Meter) hooks() *layers.Hooks {
	return &layers.Hooks{Enter: m.enter, Planned: m.planned}
}

func (m *Meter) enter(layer int, p layers.Phase) {
	if p == layers.Embed {
		m.steps++
		m.clock.begin()
	}
	m.clock.enter(layer, p)
}

func (m *Meter) planned(plan *capacity.Plan, _ []float32, computed int) {
	if m.observe != nil {
		m.observe(plan)
	}
	l := &m.layers[plan.Layer]
	l.ledger.Add(plan.Ledger)
	for e := range l.before {
		l.before[e] += plan.LoadBefore[e]
		l.after[e] += plan.LoadAfter[e]
	}
	if routed := plan.Tokens * m.topK; routed > 0 && plan.Budgets.Expert < capacity.Unbounded {
		l.capacity = max(l.capacity, plan.Budgets.Expert)
		l.room += plan.EffectiveFactor() * float64(routed)
		l.bounded += int64(routed)
	}
	l.rounds = max(l.rounds, plan.Rounds)
	l.expertBefore += capacity.MaxOverMean(plan.LoadBefore)
	l.expertAfter += capacity.MaxOverMean(plan.LoadAfter)
	l.rankBefore += capacity.MaxOverMean(m.layout.RankLoads(plan.LoadBefore))
	l.computed = append(l.computed, int64(computed))
	m.survey.add(m.steps-1, plan)
	self := m.comm.Rank()
	for _, e := range plan.Expert {
		l.bytes[m.distance(self, int(m.layout.ExpertRank[e]))] += int64((m.dtype.Bytes() + kernel.F32.Bytes()) * m.hidden)
	}
}

func (m *Meter) distance(a, b int) level {
	switch {
	case a == b:
		return sameRank
	case m.layout.RankNode[a] == m.layout.RankNode[b]:
		return sameNode
	}
	return otherNode
}
