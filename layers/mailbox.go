package layers

import (
	"errors"
	"slices"

	"capmoe/collective"
	"capmoe/layers/capacity"
)

// mailbox is the memory that the ranks of a node, the mates, share for the rows of a
// mixture. A rank's part of it holds its heads, then the rows of its experts and
// their outputs, as carriage.room says:
//
//	head of even steps | head of odd steps | rows, outputs [N, H]
//
// A step has three meetings, at each of which a rank arrives before it waits. Heads are
// written before the first, rows of inputs by all mates before the second, outputs by the
// part's own rank before the third; they are read after it. Coming to the first meeting, a
// rank has read what it needs of the step before, so that rows may be written again after it;
// heads may not, and there are two.
type mailbox struct {
	mates  []int // ranks, rising; this one is among them
	self   int   // this rank's place among the mates
	window collective.Window
	words  int // int32s of a head
	steps  int
}

// newMailbox makes the mailbox of this rank's node, with heads of so many words. Where the
// ranks of a node share no memory, each is a node of its own. All ranks of c call it.
func newMailbox(c collective.Communicator, l capacity.Layout, words int) (*mailbox, error) {
	words = (words + 15) / 16 * 16
	node := l.RankNode[c.Rank()]
	group, err := c.Split(int(node), c.Rank())
	if err != nil {
		return nil, err
	}
	b := &mailbox{words: words}
	b.window, err = collective.Share(group, 4*2*words)
	if errors.Is(err, collective.ErrNotShared) {
		b.seclude(c.Rank())
		return b, group.Free()
	}
	for r, n := range l.RankNode {
		if n == node {
			b.mates = append(b.mates, r)
		}
	}
	b.self = slices.Index(b.mates, c.Rank())
	return b, err
}

// seclude makes the mailbox one of this rank alone.
func (b *mailbox) seclude(rank int) {
	b.mates, b.self, b.window = []int{rank}, 0, &ownMemory{collective.Aligned(4 * 2 * b.words)}
}

// place is where a rank is among the mates, or -1.
func (b *mailbox) place(rank int) int { return slices.Index(b.mates, rank) }

// open begins a step and gives this rank's head of it to write.
func (b *mailbox) open() []int32 {
	b.steps++
	return b.head(b.self)
}

// head is what a mate says in this step.
func (b *mailbox) head(mate int) []int32 {
	at := b.steps % 2 * b.words
	return collective.PartOf[int32](b.window, mate)[at : at+b.words]
}

// rows is the memory of a mate's rows, as much as there is.
func (b *mailbox) rows(mate int) []float32 {
	return collective.PartOf[float32](b.window, mate)[2*b.words:]
}

// reserve makes room for so many values of rows in every part; all mates call it, with the same
// number. Heads are lost if it grows. It gives false where there is no such memory.
func (b *mailbox) reserve(values int) (bool, error) {
	if values <= len(b.rows(b.self)) {
		return true, nil
	}
	err := b.window.Grow(4 * (2*b.words + values))
	if errors.Is(err, collective.ErrNotShared) {
		return false, nil
	}
	return true, err
}

// ownMemory is a window of one rank.
type ownMemory struct{ part []byte }

func (m *ownMemory) Part(int) []byte { return m.part }
func (m *ownMemory) Arrive()         {}
func (m *ownMemory) Await() error    { return nil }
func (m *ownMemory) Free() error     { return nil }

func (m *ownMemory) Grow(bytes int) error {
	m.part = collective.Aligned(bytes)
	return nil
}
