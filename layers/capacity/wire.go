package capacity

import (
	"fmt"
	"slices"

	"capmoe/collective"
)

// wire is the buffers of one round's messages. In every one the contested experts
// come in the order of a.contested, which is the order of their owners.
type wire struct {
	countTo, countFrom []int // [P] counts to and from each rank
	keysTo, keysFrom   []int // [P] keys to and from each rank
	sendCount          []int32
	recvCount          []int32
	sendKeys           []Key // the pairs offered, best 8 bytes each
	recvKeys           []Key
	bars               []uint64 // what this rank decided as an owner
	allBars            []uint64
	barsFrom           []int // [P]
}

func newWire(ranks int) wire {
	return wire{
		countTo: make([]int, ranks), countFrom: make([]int, ranks),
		keysTo: make([]int, ranks), keysFrom: make([]int, ranks),
		barsFrom: make([]int, ranks),
	}
}

// offerKeys sends the keys of every contested expert to its owner, who takes them
// into its book: those of this round, and those held so far where the owner has not
// kept book yet.
func (a *agreement) offerKeys(p *proposals) error {
	w := &a.wire
	clear(w.countTo)
	clear(w.keysTo)
	w.sendCount, w.sendKeys = w.sendCount[:0], w.sendKeys[:0]
	owned := 0
	for _, i := range a.contested {
		g := &a.groups[i]
		if g.owner == a.comm.Rank() {
			owned += len(g.experts)
		}
		w.countTo[g.owner] += len(g.experts)
		for _, e := range g.experts {
			from := len(w.sendKeys)
			if !a.tracked[i] {
				w.sendKeys = appendKeys(w.sendKeys, p.held[e])
			}
			w.sendKeys = appendKeys(w.sendKeys, p.fresh[e])
			n := len(w.sendKeys) - from
			w.keysTo[g.owner] += n
			w.sendCount = append(w.sendCount, int32(n))
		}
	}
	for r := range w.countFrom {
		w.countFrom[r] = owned
	}
	w.recvCount = resize(w.recvCount, owned*a.comm.Size())
	if err := collective.AllToAllV(a.comm, w.recvCount, w.countFrom, w.sendCount, w.countTo); err != nil {
		return fmt.Errorf("capacity: layer %d: key counts: %w", p.step.Layer, err)
	}
	keys := 0
	for r := range w.keysFrom {
		w.keysFrom[r] = 0
		for _, n := range w.recvCount[r*owned : (r+1)*owned] {
			w.keysFrom[r] += int(n)
		}
		keys += w.keysFrom[r]
	}
	w.recvKeys = resize(w.recvKeys, keys)
	if err := collective.AllToAllV(a.comm, w.recvKeys, w.keysFrom, w.sendKeys, w.keysTo); err != nil {
		return fmt.Errorf("capacity: layer %d: keys: %w", p.step.Layer, err)
	}
	a.takeOffers()
	return nil
}

func appendKeys(dst []Key, pairs []pair) []Key {
	for _, x := range pairs {
		dst = append(dst, x.key)
	}
	return dst
}

// takeOffers enters the received keys into the books of the contested experts.
func (a *agreement) takeOffers() {
	counts, keys := a.wire.recvCount, a.wire.recvKeys
	for range a.comm.Size() {
		for _, i := range a.contested {
			g := &a.groups[i]
			if g.owner != a.comm.Rank() {
				continue
			}
			for _, e := range g.experts {
				n := counts[0]
				if g.ranks == nil {
					a.book[e] = a.book[e].offer(keys[:n], a.budgets.Expert)
				} else {
					a.book[e] = append(a.book[e], keys[:n]...)
				}
				counts, keys = counts[1:], keys[n:]
			}
		}
	}
}

// exchangeBars lets every owner decide its contested groups and tells all ranks the
// bars and loads that follow.
func (a *agreement) exchangeBars() error {
	w := &a.wire
	w.bars = w.bars[:0]
	clear(w.barsFrom)
	for _, i := range a.contested {
		g := &a.groups[i]
		w.barsFrom[g.owner] += g.barWords()
		if g.owner == a.comm.Rank() {
			w.bars = a.decide(w.bars, i)
		}
	}
	words := 0
	for _, n := range w.barsFrom {
		words += n
	}
	w.allBars = resize(w.allBars, words)
	if err := collective.AllGatherV(a.comm, w.allBars, w.barsFrom, w.bars); err != nil {
		return fmt.Errorf("capacity: bars: %w", err)
	}
	rest := w.allBars
	for _, i := range a.contested {
		rest = a.learn(rest, &a.groups[i])
		a.raiseOrders(&a.groups[i])
	}
	return nil
}

// barWords is the length of a group's part of the message: bar and load of every
// expert, and under nested budgets the bar of every rank and of the node, 2 words each.
func (g *group) barWords() int {
	if g.ranks == nil {
		return 2
	}
	return 2 * (len(g.experts) + len(g.ranks) + 1)
}

// decide appends the outcome of a contested group to the message.
func (a *agreement) decide(msg []uint64, i int) []uint64 {
	g := &a.groups[i]
	if g.ranks == nil {
		book := a.book[g.experts[0]]
		return append(msg, uint64(book.bar(a.budgets.Expert)), uint64(len(book)))
	}
	a.offered = a.offered[:0]
	for _, e := range g.experts {
		for _, k := range a.book[e] {
			a.offered = append(a.offered, candidate{k, e})
		}
		a.book[e] = a.book[e][:0]
	}
	slices.SortFunc(a.offered, better)
	a.merged = merge(a.merged[:0], a.pool[i], a.offered)
	a.nest.budgets = a.budgets
	a.nest.reset(g.experts)
	a.pool[i] = a.nest.accept(a.pool[i][:0], a.merged)
	for _, e := range g.experts {
		msg = append(msg, uint64(a.nest.expert[e].bar.key), uint64(a.nest.expert[e].kept))
	}
	for _, r := range g.ranks {
		msg = appendBar(msg, a.nest.rank[r].bar)
	}
	return appendBar(msg, a.nest.node.bar)
}

// learn takes a group's outcome over. Bars only ever rise: what was refused once stays refused.
func (a *agreement) learn(msg []uint64, g *group) []uint64 {
	for _, e := range g.experts {
		a.expertBar[e] = max(a.expertBar[e], Key(msg[0]))
		a.load[e] = int(msg[1])
		msg = msg[2:]
	}
	if g.ranks == nil {
		return msg
	}
	for _, r := range g.ranks {
		a.rankBar[r] = a.rankBar[r].raise(readBar(msg))
		msg = msg[2:]
	}
	node := &a.nodeBar[a.layout.node(int(g.experts[0]))]
	if a.budgets.Node < Unbounded {
		*node = node.raise(readBar(msg))
	}
	return msg[2:]
}

// appendBar writes a bar as key and expert; an open bar's second word is ^0.
func appendBar(msg []uint64, b bar) []uint64 {
	if !b.closed {
		return append(msg, 0, ^uint64(0))
	}
	return append(msg, uint64(b.key), uint64(b.expert))
}

func readBar(msg []uint64) bar {
	if msg[1] == ^uint64(0) {
		return bar{}
	}
	return bar{candidate{Key(msg[0]), int32(msg[1])}, true}
}
