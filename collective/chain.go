package collective

import "slices"

// said is the last notice of a rank: in which operation it waits, or has waited, and for whom. Ranks
// are those of the world.
type said struct {
	group, seq uint64
	waits      bool
	awaits     int // -1: any rank of the group
}

// isOver tells whether the rank that is waited for has gone on in the same group: it has sent what was to come,
// and who still says to wait for it does nothing, and so could not take its notice back.
func (s said) isOver(all []said) bool {
	if !s.waits || s.awaits < 0 {
		return false
	}
	next := all[s.awaits]
	return next.group == s.group && next.seq > s.seq
}

// endOf is the last of a chain of ranks each of which waits for the next, or -1 where the chain is a circle. The
// last waits for nobody, or for any of a group.
func endOf(rank int, all []said) int {
	for range all {
		s := all[rank]
		if !s.waits || s.awaits < 0 || s.isOver(all) {
			return rank
		}
		rank = s.awaits
	}
	return -1
}

// culprits are the ranks, in order, at the ends of the chains that begin at these; members gives the ranks of a group that
// are known, in place of a last one that waits for any of them.
func culprits(from []int, all []said, members func(group uint64) []int) []int {
	var ranks []int
	for _, rank := range from {
		end := endOf(rank, all)
		switch {
		case end < 0:
		case !all[end].waits || all[end].isOver(all):
			ranks = append(ranks, end)
		default:
			for _, member := range members(all[end].group) {
				if !all[member].waits {
					ranks = append(ranks, member)
				}
			}
		}
	}
	slices.Sort(ranks)
	return slices.Compact(ranks)
}
