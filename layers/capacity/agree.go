package capacity

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"capmoe/collective"
)

// group is a set of experts whose candidates one rank, the owner, chooses among: one
// expert, or all experts under one rank or node budget.
type group struct {
	owner   int
	experts []int32
	ranks   []int32 // ranks with experts of the group, for their bars; nil where one expert stands alone
}

// grouping partitions the experts by the widest budget in force, in order of owner.
// With a lone selecting rank (scope local) that rank owns every group.
func grouping(l Layout, cfg Config, lone bool) []group {
	var groups []group
	index := map[int32]int{}
	for e := range l.ExpertRank {
		key, owner := int32(e), int(l.ExpertRank[e])
		switch {
		case cfg.Node.set:
			key = l.node(e)
			owner = slices.Index(l.RankNode, key)
		case cfg.Rank.set:
			key = l.ExpertRank[e]
		}
		if lone {
			owner = 0
		}
		i, known := index[key]
		if !known {
			i = len(groups)
			index[key] = i
			groups = append(groups, group{owner: owner})
		}
		g := &groups[i]
		g.experts = append(g.experts, int32(e))
		if (cfg.Node.set || cfg.Rank.set) && !slices.Contains(g.ranks, l.ExpertRank[e]) {
			g.ranks = append(g.ranks, l.ExpertRank[e])
		}
	}
	slices.SortStableFunc(groups, func(a, b group) int { return cmp.Compare(a.owner, b.owner) })
	return groups
}

// agreement is what the selecting ranks know in common about one step, and the
// messages by which they come to know it. Keys travel only to the owners of contested
// groups: those offered more than their budgets hold.
type agreement struct {
	comm    collective.Communicator
	layout  Layout
	groups  []group
	nested  bool // groups are of several experts, under rank or node budgets
	budgets Budgets

	load      []int   // [E] pairs held over all ranks
	expertBar []Key   // [E]
	barOrder  []int32 // [E] the order of the score that a bar of expert, rank or node asks for
	rankBar   []bar   // [P]
	nodeBar   []bar   // [nodes]
	tracked   []bool

	contested []int         // groups contested in this round
	book      []accepted    // [E] keys held, at the owner of a tracked group
	pool      [][]candidate // [groups] candidates held, in order, at the owner of a nested group
	offered   []candidate   // scratch of nested budgets
	merged    []candidate
	nest      nest
	rankLoad  []int // [P] scratch
	sums      []int64
	wire      wire
}

func newAgreement(c collective.Communicator, l Layout, cfg Config) *agreement {
	groups := grouping(l, cfg, c.Size() == 1)
	a := &agreement{
		comm: c, layout: l, groups: groups, nested: cfg.Rank.set || cfg.Node.set,
		load:      make([]int, l.Experts()),
		expertBar: make([]Key, l.Experts()),
		barOrder:  make([]int32, l.Experts()),
		rankBar:   make([]bar, l.Ranks()),
		nodeBar:   make([]bar, l.Nodes()),
		tracked:   make([]bool, len(groups)),
		book:      make([]accepted, l.Experts()),
		pool:      make([][]candidate, len(groups)),
		rankLoad:  make([]int, l.Ranks()),
		sums:      make([]int64, l.Experts()+1),
		nest:      nest{layout: l, expert: make([]level, l.Experts()), rank: make([]level, l.Ranks())},
		wire:      newWire(c.Size()),
	}
	return a
}

func (a *agreement) reset() {
	clear(a.load)
	clear(a.expertBar)
	for e := range a.barOrder {
		a.barOrder[e] = math.MinInt32
	}
	clear(a.rankBar)
	clear(a.nodeBar)
	clear(a.tracked)
	for e := range a.book {
		a.book[e] = a.book[e][:0]
	}
	for i := range a.pool {
		a.pool[i] = a.pool[i][:0]
	}
}

// refuses tells whether the bars known so far rule a proposal out.
func (a *agreement) refuses(e int32, k Key) bool {
	if k < a.expertBar[e] {
		return true
	}
	if !a.nested {
		return false
	}
	c := candidate{k, e}
	r := a.layout.ExpertRank[e]
	return a.rankBar[r].refuses(c) || a.nodeBar[a.layout.RankNode[r]].refuses(c)
}

// settle decides one round: p.fresh joins p.held or is refused, and so are held pairs
// that better ones displace. known is the round's proposals by expert over all ranks
// where they are known already, else nil. proposed and refused count pairs over all ranks.
func (a *agreement) settle(p *proposals, known []int64) (proposed, refused int, err error) {
	before := total(a.load)
	if known != nil {
		copy(a.sums, known)
		for _, n := range known {
			proposed += int(n)
		}
	} else if proposed, err = a.sumLoads(p); err != nil {
		return 0, 0, err
	}
	if proposed == 0 {
		return 0, 0, nil
	}
	a.findContested(p)
	if len(a.contested) > 0 {
		if err := a.offerKeys(p); err != nil {
			return 0, 0, err
		}
		if err := a.exchangeBars(); err != nil {
			return 0, 0, err
		}
		a.apply(p)
	}
	return proposed, before + proposed - total(a.load), nil
}

// sumLoads refuses what the bars already rule out and adds up, over the ranks, what
// is left of the round's proposals by expert: a.sums[:E].
func (a *agreement) sumLoads(p *proposals) (proposed int, err error) {
	experts := a.layout.Experts()
	sums := a.sums
	clear(sums)
	for e := range experts {
		sums[experts] += int64(len(p.fresh[e]))
		p.fresh[e] = a.refuseBelowBars(p, int32(e), p.fresh[e])
		sums[e] = int64(len(p.fresh[e]))
	}
	if err := collective.AllReduce(a.comm, collective.Sum, sums); err != nil {
		return 0, fmt.Errorf("capacity: layer %d: loads: %w", p.step.Layer, err)
	}
	return int(sums[experts]), nil
}

// refuseBelowBars keeps the pairs of expert e that the bars let pass, in the same memory.
func (a *agreement) refuseBelowBars(p *proposals, e int32, pairs []pair) []pair {
	kept := pairs[:0]
	for _, x := range pairs {
		if a.refuses(e, x.key) {
			p.refuse(x)
			continue
		}
		kept = append(kept, x)
	}
	return kept
}

// findContested lists the groups that were offered more than they have room for. In
// the others every proposal is held.
func (a *agreement) findContested(p *proposals) {
	a.contested = a.contested[:0]
	for i := range a.groups {
		g := &a.groups[i]
		if a.overflows(i) {
			a.contested = append(a.contested, i)
			continue
		}
		for _, e := range g.experts {
			a.load[e] += int(a.sums[e])
			p.hold(e)
		}
	}
}

func (a *agreement) overflows(i int) bool {
	g := &a.groups[i]
	fresh, node, over := 0, 0, false
	for _, r := range g.ranks {
		a.rankLoad[r] = 0
	}
	for _, e := range g.experts {
		offered := a.load[e] + int(a.sums[e])
		r := a.layout.ExpertRank[e]
		fresh += int(a.sums[e])
		node += offered
		a.rankLoad[r] += offered
		over = over || offered > a.budgets.Expert
	}
	for _, r := range g.ranks {
		over = over || a.rankLoad[r] > a.budgets.Rank
	}
	over = over || g.ranks != nil && node > a.budgets.Node
	return fresh > 0 && (over || a.tracked[i])
}

// raiseOrders brings barOrder up to the bars of a contested group.
func (a *agreement) raiseOrders(g *group) {
	for _, e := range g.experts {
		order := int32(math.MinInt32)
		if bar := a.expertBar[e]; bar > 0 {
			order = bar.scoreOrder()
		}
		if a.nested {
			r := a.layout.ExpertRank[e]
			for _, b := range []bar{a.rankBar[r], a.nodeBar[a.layout.RankNode[r]]} {
				if b.closed {
					order = max(order, b.key.scoreOrder())
				}
			}
		}
		a.barOrder[e] = order
	}
}

// apply holds the round's proposals to the contested experts and refuses those, old
// and new, below the bars.
func (a *agreement) apply(p *proposals) {
	for _, i := range a.contested {
		a.tracked[i] = true
		for _, e := range a.groups[i].experts {
			p.hold(e)
			p.held[e] = a.refuseBelowBars(p, e, p.held[e])
		}
	}
}

func total(load []int) int {
	sum := 0
	for _, n := range load {
		sum += n
	}
	return sum
}
