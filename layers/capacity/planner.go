package capacity

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"capmoe/collective"
)

// Model is what a planner knows of the mixture: its routing numbers.
type Model struct {
	Experts   int // E
	TopK      int // K
	Weighting Weighting
}

// Planner makes the plans of one rank. All ranks of the communicator make theirs
// together. Its buffers are reused from step to step.
type Planner struct {
	cfg    Config
	model  Model
	layout Layout
	comm   collective.Communicator
	agree  *agreement
	props  proposals
	offers []int32
	plan   Plan
	sums   []int64
}

// NewPlanner checks the configuration and prepares the agreement. All ranks call it.
func NewPlanner(c collective.Communicator, cfg Config, m Model, l Layout) (*Planner, error) {
	faults := []error{cfg.Validate(), cfg.Extra.fits(m.Experts)}
	if m.TopK < 1 || m.TopK > m.Experts {
		faults = append(faults, fmt.Errorf("capacity: top k %d, want 1 to the %d experts", m.TopK, m.Experts))
	}
	if l.Experts() != m.Experts || l.Ranks() != c.Size() {
		faults = append(faults, fmt.Errorf("capacity: layout of %d experts on %d ranks, want %d on %d", l.Experts(), l.Ranks(), m.Experts, c.Size()))
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	selecting := c
	if cfg.Scope == Local && c.Size() > 1 {
		alone, err := c.Split(c.Rank(), 0)
		if err != nil {
			return nil, fmt.Errorf("capacity: scope local: %w", err)
		}
		selecting = alone
	}
	if cfg.RawWeights {
		m.Weighting.Normalize = false
	}
	p := &Planner{cfg: cfg, model: m, layout: l, comm: c, agree: newAgreement(selecting, l, cfg)}
	p.props = proposals{
		experts: m.Experts, topK: m.TopK, weighting: m.Weighting, floor: cfg.Floor,
		noBars: slices.Repeat([]int32{math.MinInt32}, m.Experts),
		held:   make([][]pair, m.Experts), fresh: make([][]pair, m.Experts),
	}
	if cfg.Policy == Reroute && cfg.Rounds == 0 && cfg.Floor == 0 {
		// to the end there is one stable assignment, whatever the order of proposals
		p.props.bars = p.agree
	}
	if cfg.Policy == Expanded {
		p.offers = l.offers(cfg.Extra, c.Rank())
	}
	p.sums = make([]int64, m.Experts+3)
	p.plan.planner = p
	p.plan.LoadBefore = make([]int64, m.Experts)
	p.plan.LoadAfter = make([]int64, m.Experts)
	p.plan.LoadSent = p.plan.LoadAfter
	if cfg.AfterDispatch {
		p.plan.LoadSent = p.plan.LoadBefore
	}
	return p, nil
}

// Plan decides the step. All ranks call it together, those without tokens too.
func (p *Planner) Plan(step Step) (*Plan, error) {
	if err := p.open(step); err != nil {
		return nil, err
	}
	p.agree.reset()
	p.agree.budgets = p.plan.Budgets
	if p.cfg.Scope == Local {
		p.agree.budgets = p.cfg.budgets(p.layout, p.model.TopK, len(step.Tokens))
	}
	if err := p.settleRounds(); err != nil {
		return nil, err
	}
	if err := p.sumUp(); err != nil {
		return nil, err
	}
	p.collect()
	if err := p.plan.valid(p.layout, p.cfg); err != nil {
		return nil, err
	}
	return &p.plan, nil
}

// open makes the first proposals and adds up T and the loads before any refusal. A
// fault of one rank's step fails on all.
func (p *Planner) open(step Step) error {
	fault := p.check(step)
	if fault == nil {
		keys := newKeyer(p.cfg.Order, p.cfg.Seed, step.Layer, p.comm.Rank())
		fault = p.props.start(step, keys, p.offers)
	}
	experts := p.model.Experts
	clear(p.sums)
	if fault == nil {
		for _, e := range p.props.choice {
			if e >= 0 {
				p.sums[e]++
			}
		}
		p.sums[experts] = int64(len(step.Tokens))
	} else {
		p.sums[experts+1] = 1
	}
	if err := collective.AllReduce(p.comm, collective.Sum, p.sums[:experts+2]); err != nil {
		return fmt.Errorf("capacity: layer %d: loads: %w", step.Layer, err)
	}
	if p.sums[experts+1] > 0 {
		return collective.Agree(p.comm, fault)
	}
	p.plan.Layer = step.Layer
	p.plan.Tokens = int(p.sums[experts])
	copy(p.plan.LoadBefore, p.sums[:experts])
	p.plan.Budgets = p.cfg.budgets(p.layout, p.model.TopK, p.plan.Tokens)
	return nil
}

func (p *Planner) check(s Step) error {
	if len(s.Scores) != len(s.Tokens)*p.model.Experts {
		return fmt.Errorf("capacity: layer %d: %d scores for %d tokens × %d experts", s.Layer, len(s.Scores), len(s.Tokens), p.model.Experts)
	}
	if s.Gates != nil && len(s.Gates) != len(s.Scores) {
		return fmt.Errorf("capacity: layer %d: %d gates for %d scores", s.Layer, len(s.Gates), len(s.Scores))
	}
	if s.Class != nil && len(s.Class) != len(s.Tokens) {
		return fmt.Errorf("capacity: layer %d: %d priority classes for %d tokens", s.Layer, len(s.Class), len(s.Tokens))
	}
	for _, t := range s.Tokens {
		if t < 0 || t >= MaxTokens {
			return fmt.Errorf("capacity: layer %d: global token id %d, want 0 to %d", s.Layer, t, MaxTokens-1)
		}
	}
	return nil
}

// settleRounds runs the rounds of the policy: one, or with Reroute as many as were
// asked for or until nobody is refused.
func (p *Planner) settleRounds() error {
	p.plan.Rounds = 0
	var known []int64
	if p.cfg.Scope == Global && p.cfg.Policy != Expanded {
		known = p.plan.LoadBefore
	}
	for {
		proposed, refused, err := p.agree.settle(&p.props, known)
		if err != nil {
			return err
		}
		if proposed > 0 {
			p.plan.Rounds++
		}
		if refused == 0 || p.cfg.Policy != Reroute || p.plan.Rounds == p.cfg.Rounds {
			return nil
		}
		p.props.proposeNext()
		known = nil
	}
}

// sumUp tells every rank the loads after the refusals. In scope global the
// agreement knows them already.
func (p *Planner) sumUp() error {
	experts := p.model.Experts
	sums := p.sums[:experts+2]
	for e, n := range p.agree.load {
		sums[e] = int64(n)
	}
	sums[experts], sums[experts+1] = int64(p.agree.budgets.Expert), int64(p.plan.Rounds)
	if p.cfg.Scope == Local {
		if p.props.tokens() == 0 {
			sums[experts] = 0 // it grants nothing
		}
		rounds := []int64{int64(p.plan.Rounds), int64(p.agree.budgets.Expert), int64(p.agree.budgets.Rank), int64(p.agree.budgets.Node)}
		if err := collective.AllReduce(p.comm, collective.Sum, sums); err != nil {
			return fmt.Errorf("capacity: layer %d: loads: %w", p.plan.Layer, err)
		}
		if err := collective.AllReduce(p.comm, collective.Max, rounds); err != nil {
			return fmt.Errorf("capacity: layer %d: rounds: %w", p.plan.Layer, err)
		}
		p.plan.Rounds = int(rounds[0])
		p.plan.Budgets = Budgets{int(rounds[1]), int(rounds[2]), int(rounds[3])}
	}
	copy(p.plan.LoadAfter, sums[:experts])
	p.plan.room = sums[experts]
	return nil
}

// collect turns the slots of the local tokens into the plan's pairs.
func (p *Planner) collect() {
	pr, plan := &p.props, &p.plan
	plan.TokenIDs = pr.step.Tokens
	plan.Offset = append(plan.Offset[:0], 0)
	plan.Expert, plan.Weight = plan.Expert[:0], plan.Weight[:0]
	plan.Ledger = Ledger{}
	for t := range pr.tokens() {
		scores := pr.scores(t)
		from := len(plan.Expert)
		gates, top := pr.gates(t), pr.top(t)
		p.account(&plan.Ledger, t, top)
		slots := pr.slot[t*pr.width : (t+1)*pr.width]
		for _, e := range slots {
			if e >= 0 {
				plan.Expert = append(plan.Expert, e)
			}
		}
		kept := plan.Expert[from:]
		sortByScore(kept, scores)
		for _, e := range kept {
			plan.Weight = append(plan.Weight, gates[e])
		}
		rule := p.cfg.Renormalize
		if rule == OriginalMass && pr.whole(t) {
			rule = KeepWeights
		}
		p.model.Weighting.weights(plan.Weight[from:], top, rule)
		if p.cfg.AfterDispatch {
			p.addRefused(t, slots)
		}
		plan.Offset = append(plan.Offset, int32(len(plan.Expert)))
	}
}

// addRefused lets the refused choices of a token travel, at weight 0.
func (p *Planner) addRefused(t int, slots []int32) {
	for j, e := range p.props.choice[t*p.model.TopK : (t+1)*p.model.TopK] {
		if e >= 0 && slots[j] < 0 {
			p.plan.Expert = append(p.plan.Expert, e)
			p.plan.Weight = append(p.plan.Weight, 0)
		}
	}
}

// account enters a token into a ledger. top is the gate sum of its top K. The
// substitutes that it got stand in for its refused choices, best first; the others are
// dropped.
func (p *Planner) account(l *Ledger, t int, top float32) {
	pr, gates := &p.props, p.props.gates(t)
	choice := pr.choice[t*pr.topK : (t+1)*pr.topK]
	slots := pr.slot[t*pr.width : (t+1)*pr.width]
	substitutes, kept := int64(0), l.Kept
	for j, e := range slots {
		switch {
		case e < 0:
		case j >= pr.topK:
			l.Extra++
			l.Kept++
		default:
			l.Kept++
			if e != choice[j] {
				substitutes++
			}
		}
	}
	l.Tokens++
	if l.Kept == kept {
		l.TokensWithoutExpert++
	}
	l.Rerouted += substitutes
	for j, first := range choice {
		if first < 0 {
			continue
		}
		mass := massOf(p.model.Weighting.weight(gates[first], top))
		l.Routed++
		l.Mass.add(mass)
		if slots[j] == first {
			continue
		}
		if substitutes > 0 {
			substitutes--
			continue
		}
		l.Dropped++
		l.MassLost.add(mass)
	}
}

// sortByScore orders a token's few experts by falling score, then rising id.
func sortByScore(experts []int32, scores []float32) {
	for i := 1; i < len(experts); i++ {
		for j := i; j > 0; j-- {
			a, b := experts[j-1], experts[j]
			if scores[a] > scores[b] || scores[a] == scores[b] && a < b {
				break
			}
			experts[j-1], experts[j] = b, a
		}
	}
}

// Experts is E.
func (p *Planner) Experts() int { return p.model.Experts }

// Capacity is an expert's budget in a step of that many tokens.
func (p *Planner) Capacity(tokens int) int {
	return p.cfg.budgets(p.layout, p.model.TopK, tokens).Expert
}
