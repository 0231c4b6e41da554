package runtime

// nodesOf numbers the hosts of the ranks in order of first appearance.
func nodesOf(hosts []string) []int32 {
	number := map[string]int32{}
	nodes := make([]int32, len(hosts))
	for r, h := range hosts {
		n, known := number[h]
		if !known {
			n = int32(len(number))
			number[h] = n
		}
		nodes[r] = n
	}
	return nodes
}

// dealSequences gives whole sequences to ranks in blocks of about the same number of
// tokens: rankOf[i] is the rank of sequence i, and never falls.
func dealSequences(sequences [][]int32, ranks int) (rankOf []int) {
	total := 0
	for _, seq := range sequences {
		total += len(seq)
	}
	rankOf = make([]int, len(sequences))
	before := 0
	for i, seq := range sequences {
		middle := 2*before + len(seq)
		rankOf[i] = min(ranks-1, middle*ranks/max(1, 2*total))
		before += len(seq)
	}
	return rankOf
}
