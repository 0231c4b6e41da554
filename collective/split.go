package collective

import (
	"cmp"
	"slices"
)

// membersOf lists the ranks that gave color, ordered by key, then by rank: the
// ranks 0, 1, … of the new group (MPI-3.1, 6.4.2). Rank i gave choices[2i] as its
// color and choices[2i+1] as its key.
func membersOf(color int64, choices []int64) []int {
	var members []int
	for rank := range len(choices) / 2 {
		if choices[2*rank] == color {
			members = append(members, rank)
		}
	}
	slices.SortStableFunc(members, func(a, b int) int {
		return cmp.Compare(choices[2*a+1], choices[2*b+1])
	})
	return members
}
