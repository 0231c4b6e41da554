package layers

import (
	"cmp"
	"slices"

	"capmoe/layers/capacity"
)

// Placement says which experts every rank holds in a layer, in the order of its slots.
// An expert may be on several ranks, once on each; its tokens are then shared out by
// global token id.
type Placement struct {
	Held [][]int // [P]
}

// PlacementOf is the placement of a layout: every expert once.
func PlacementOf(l capacity.Layout) Placement {
	p := Placement{Held: make([][]int, l.Ranks())}
	for r := range p.Held {
		p.Held[r] = l.Owned(r)
	}
	return p
}

// Balance replicates the hottest experts and packs all replicas onto ranks so that
// their loads come out even: DeepSeek's EPLB in its global form (github.com/deepseek-ai/EPLB).
// load [E] is what each expert was sent; redundant replicas are added. Every rank holds
// as many slots as the others, or one more where they do not divide.
func Balance(load []int64, ranks, redundant int) Placement {
	share := make([]float64, len(load)) // load of one replica
	copies := make([]int, len(load))
	for e, n := range load {
		share[e], copies[e] = float64(n), 1
	}
	for range redundant {
		hot := -1
		for e := range share {
			if copies[e] < ranks && (hot < 0 || share[e] > share[hot]) {
				hot = e
			}
		}
		if hot < 0 {
			break
		}
		copies[hot]++
		share[hot] = float64(load[hot]) / float64(copies[hot])
	}
	return pack(share, copies, ranks)
}

// pack deals replicas out, heaviest first, each to the lightest rank that has a slot
// left and does not hold the expert yet.
func pack(share []float64, copies []int, ranks int) Placement {
	var replicas []int
	for e, n := range copies {
		for range n {
			replicas = append(replicas, e)
		}
	}
	slices.SortStableFunc(replicas, func(a, b int) int { return cmp.Compare(share[b], share[a]) })
	p := Placement{Held: make([][]int, ranks)}
	weight := make([]float64, ranks)
	for i, e := range replicas {
		room := (len(replicas) + ranks - 1) / ranks
		if full := len(replicas) - ranks*(room-1); fullRanks(p.Held, room) >= full {
			room-- // the ranks with one more are all there
		}
		best := p.lightest(weight, room, e)
		if best < 0 {
			best = p.lightest(weight, len(replicas), e)
		}
		p.Held[best] = append(p.Held[best], replicas[i])
		weight[best] += share[e]
	}
	for _, held := range p.Held {
		slices.Sort(held)
	}
	return p
}

func fullRanks(held [][]int, room int) int {
	n := 0
	for _, h := range held {
		if len(h) >= room {
			n++
		}
	}
	return n
}

// lightest is the rank of least weight with fewer than room slots taken and without
// expert e, or -1.
func (p Placement) lightest(weight []float64, room, e int) int {
	best := -1
	for r, held := range p.Held {
		if len(held) < room && !slices.Contains(held, e) && (best < 0 || weight[r] < weight[best]) {
			best = r
		}
	}
	return best
}
