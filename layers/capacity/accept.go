package capacity

import (
	"cmp"
	"math"
)

// accepted is the best c keys that an expert has been offered, as a heap whose root
// is the worst of them.
type accepted []Key

// manyFresh: from one fresh key for so many kept ones on, it is quicker to choose
// among all of them than to try them one by one.
const manyFresh = 8

// SelectBest moves the c best keys to the front; the c-th of them is keys[c-1] (Hoare's
// quickselect).
func SelectBest(keys []Key, c int) {
	lo, hi := 0, len(keys)-1
	for lo < hi {
		pivot := median(keys[lo], keys[(lo+hi)/2], keys[hi])
		i, j := lo, hi
		for i <= j {
			for keys[i] > pivot {
				i++
			}
			for keys[j] < pivot {
				j--
			}
			if i <= j {
				keys[i], keys[j] = keys[j], keys[i]
				i++
				j--
			}
		}
		switch {
		case c-1 <= j:
			hi = j
		case c-1 >= i:
			lo = i
		default:
			return
		}
	}
}

func median(a, b, c Key) Key { return max(min(a, b), min(max(a, b), c)) }

// offer takes fresh keys into the best c. What does not fit is gone for good: an
// expert that is full never takes back what it refused.
func (a accepted) offer(fresh []Key, c int) accepted {
	if len(a)+len(fresh) > c && len(fresh) > c/manyFresh {
		a = append(a, fresh...)
		SelectBest(a, c)
		a = a[:c]
		for i := c/2 - 1; i >= 0; i-- {
			a.down(i)
		}
		return a
	}
	for _, k := range fresh {
		if len(a) < c {
			a = append(a, k)
			a.up(len(a) - 1)
		} else if k > a[0] {
			a[0] = k
			a.down(0)
		}
	}
	return a
}

// bar is the worst key kept by a full expert: whatever lies below it is refused. An
// expert with room has no bar, and one that takes none, whose capacity was rounded down to
// 0, refuses all.
func (a accepted) bar(c int) Key {
	switch {
	case len(a) < c:
		return 0
	case c == 0:
		return math.MaxUint64
	}
	return a[0]
}

func (a accepted) up(i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if a[parent] <= a[i] {
			return
		}
		a[parent], a[i] = a[i], a[parent]
		i = parent
	}
}

func (a accepted) down(i int) {
	for {
		child := 2*i + 1
		if child >= len(a) {
			return
		}
		if child+1 < len(a) && a[child+1] < a[child] {
			child++
		}
		if a[i] <= a[child] {
			return
		}
		a[i], a[child] = a[child], a[i]
		i = child
	}
}

// candidate is a pair among those of several experts: better is the higher key, then
// the lower expert id.
type candidate struct {
	key    Key
	expert int32
}

func better(a, b candidate) int {
	return cmp.Or(cmp.Compare(b.key, a.key), cmp.Compare(a.expert, b.expert))
}

// merge appends two sorted lists to dst in order.
func merge(dst, a, b []candidate) []candidate {
	for len(a) > 0 && len(b) > 0 {
		if better(a[0], b[0]) < 0 {
			dst, a = append(dst, a[0]), a[1:]
		} else {
			dst, b = append(dst, b[0]), b[1:]
		}
	}
	return append(append(dst, a...), b...)
}

// bar closes a level of the budgets: a candidate worse than it is refused. The zero
// value lets everything pass.
type bar struct {
	candidate
	closed bool
}

func (b bar) refuses(c candidate) bool { return b.closed && better(c, b.candidate) > 0 }

// raise returns the tighter of two bars.
func (b bar) raise(other bar) bar {
	if !other.closed || b.closed && better(b.candidate, other.candidate) < 0 {
		return b
	}
	return other
}

// nest is what the nested budgets of a group of experts have room for.
type nest struct {
	layout  Layout
	budgets Budgets

	expert []level // [E]
	rank   []level // [P]
	node   level
}

// level counts the pairs kept by one expert, rank or node and where it closed.
type level struct {
	kept int
	bar  bar
}

// newLevel is an empty level; one that has room for none is closed.
func newLevel(budget int) level {
	if budget == 0 {
		return level{bar: bar{candidate{key: math.MaxUint64}, true}}
	}
	return level{}
}

func (l *level) full(budget int) bool { return l.kept >= budget }

func (l *level) keep(c candidate, budget int) {
	l.kept++
	if l.kept == budget {
		l.bar = bar{c, true}
	}
}

// accept goes through candidates in order, best first, and appends to kept each one
// for which its expert, its rank and its node still have room. Greedy on nested
// (laminar) budgets is the best choice, and choosing again among the kept and new
// candidates gives what choosing among all of them at once would.
func (n *nest) accept(kept, candidates []candidate) []candidate {
	for _, c := range candidates {
		expert, rank, node := &n.expert[c.expert], &n.rank[n.layout.ExpertRank[c.expert]], &n.node
		if expert.full(n.budgets.Expert) || rank.full(n.budgets.Rank) || node.full(n.budgets.Node) {
			continue
		}
		expert.keep(c, n.budgets.Expert)
		rank.keep(c, n.budgets.Rank)
		node.keep(c, n.budgets.Node)
		kept = append(kept, c)
	}
	return kept
}

// reset empties the levels of a group before accept.
func (n *nest) reset(experts []int32) {
	n.node = newLevel(n.budgets.Node)
	for _, e := range experts {
		n.expert[e] = newLevel(n.budgets.Expert)
		n.rank[n.layout.ExpertRank[e]] = newLevel(n.budgets.Rank)
	}
}
