package runtime

import "capmoe/layers"

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

// leastSpread is the fewest tokens of a sequence that is worth spreading over ranks.
const leastSpread = 2 * layers.PageTokens

// uneven tells whether dealing whole sequences of some lengths leaves a rank with more than a
// quarter above the mean, so that long ones are better spread.
func uneven(lengths, rankOf []int, ranks int) bool {
	loads := make([]int, ranks)
	total, most := 0, 0
	for i, n := range lengths {
		loads[rankOf[i]] += n
		total += n
		most = max(most, loads[rankOf[i]])
	}
	return 4*most*ranks > 5*total
}

// Cut cuts n tokens of a sequence into pieces for all ranks that begin at multiples of a page. A
// token's attention grows with its place, so a rank has one piece from the front and one from the
// back; the last is the owner's, who goes on with the sequence.
func Cut(n, owner, ranks int) []layers.Piece {
	chunks := min(2*ranks, layers.Pages(n))
	pieces := make([]layers.Piece, chunks)
	for i := range pieces {
		turn := chunks - 1 - i
		if turn >= ranks {
			turn = 2*ranks - 1 - turn
		}
		first := layers.Border(n, chunks, i)
		pieces[i] = layers.Piece{Rank: (owner + turn) % ranks, First: first, N: layers.Border(n, chunks, i+1) - first}
	}
	return pieces
}
