package runtime

import "capmoe/collective"

// shareSlice gives rank 0's slice to every rank.
func shareSlice[T collective.Elem](c collective.Communicator, s []T) ([]T, error) {
	n := []int64{int64(len(s))}
	if err := collective.Broadcast(c, n, 0); err != nil {
		return nil, err
	}
	if c.Rank() != 0 {
		s = make([]T, n[0])
	}
	return s, collective.Broadcast(c, s, 0)
}

// Gather brings counts[r] values of every rank r to rank 0, in order of rank; the
// others get nil.
func Gather[T collective.Elem](c collective.Communicator, send []T, counts []int) ([]T, error) {
	to, from := make([]int, c.Size()), make([]int, c.Size())
	to[0] = len(send)
	var all []T
	if c.Rank() == 0 {
		total := 0
		for r, n := range counts {
			from[r] = n
			total += n
		}
		all = make([]T, total)
	}
	return all, collective.AllToAllV(c, all, from, send, to)
}
