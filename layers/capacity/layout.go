package capacity

import "fmt"

// Layout says where the experts are: ExpertRank[e] is the rank of expert e, and
// RankNode[r] the node of rank r.
type Layout struct {
	ExpertRank []int32 // [E]
	RankNode   []int32 // [P]
	nodes      int
}

// NewLayout checks and completes a layout.
func NewLayout(expertRank, rankNode []int32) (Layout, error) {
	l := Layout{ExpertRank: expertRank, RankNode: rankNode}
	for e, r := range expertRank {
		if r < 0 || int(r) >= len(rankNode) {
			return Layout{}, fmt.Errorf("capacity: layout: expert %d on rank %d of %d", e, r, len(rankNode))
		}
	}
	for r, n := range rankNode {
		if n < 0 || int(n) >= len(rankNode) {
			return Layout{}, fmt.Errorf("capacity: layout: rank %d on node %d of %d", r, n, len(rankNode))
		}
		l.nodes = max(l.nodes, int(n)+1)
	}
	return l, nil
}

// Contiguous deals E experts to P ranks of one node in blocks: rank r gets
// experts r·E/P up to (r+1)·E/P.
func Contiguous(experts, ranks int) Layout {
	l := Layout{ExpertRank: make([]int32, experts), RankNode: make([]int32, ranks), nodes: 1}
	for r := range ranks {
		for e := r * experts / ranks; e < (r+1)*experts/ranks; e++ {
			l.ExpertRank[e] = int32(r)
		}
	}
	return l
}

// Experts is E.
func (l Layout) Experts() int { return len(l.ExpertRank) }

// Ranks is P.
func (l Layout) Ranks() int { return len(l.RankNode) }

// Nodes is the number of nodes.
func (l Layout) Nodes() int { return l.nodes }

// Owned lists the experts of a rank in rising order.
func (l Layout) Owned(rank int) []int {
	var owned []int
	for e, r := range l.ExpertRank {
		if int(r) == rank {
			owned = append(owned, e)
		}
	}
	return owned
}

// node is the node of expert e.
func (l Layout) node(e int) int32 { return l.RankNode[l.ExpertRank[e]] }

// offers lists the experts that Expanded offers the tokens of a rank besides their top K.
func (l Layout) offers(extra Extra, rank int) []int32 {
	var offers []int32
	add := func(e int) { offers = append(offers, int32(e)) }
	if extra.Kind == ListedExperts {
		for _, e := range extra.Experts {
			add(e)
		}
		return offers
	}
	for e, r := range l.ExpertRank {
		if extra.Kind == AllExperts || int(r) == rank ||
			extra.Kind == OwnNode && l.RankNode[r] == l.RankNode[rank] {
			add(e)
		}
	}
	return offers
}
