package layers

import "fmt"

// Batch is one rank's tokens of a step: sequences back to back, whole, or what is new
// of them; behind them, its pieces of the sequences that are spread over ranks.
type Batch struct {
	IDs    []int32  // [T_l] vocabulary ids
	Tokens []int32  // [T_l] global token ids: places in the step, over all ranks
	Starts []int32  // [S+1] where sequences begin in IDs; the last entry is where pieces begin, T_l without any
	Caches []*Cache // [S] what came before; the step adds to them. nil: sequences are whole

	// Spread is the sequences that several ranks bring, the same on every rank, but for
	// their caches. This rank's pieces come in their order.
	Spread []Spread

	// Unbounded runs the step without capacity, the same on every rank: all pairs of
	// the top K stay, and none is added.
	Unbounded bool

	position []int // [T_l] where each token stands in its sequence, once the step has begun
	end      int   // the first position behind all of them
}

// Add appends tokens, whose global ids follow each other from first on.
func (b *Batch) Add(ids []int32, first int) {
	b.IDs = append(b.IDs, ids...)
	for t := range ids {
		b.Tokens = append(b.Tokens, int32(first+t))
	}
}

// Sequences is the number of sequences in the batch.
func (b Batch) Sequences() int { return max(0, len(b.Starts)-1) }

// whole is the number of tokens before the pieces.
func (b Batch) whole() int {
	if len(b.Starts) == 0 {
		return 0
	}
	return int(b.Starts[len(b.Starts)-1])
}

// pieces calls do for each of a rank's pieces: its sequence in Spread, and where it lies in IDs.
func (b Batch) pieces(rank int, do func(spread int, p Piece, from int)) {
	from := b.whole()
	for i, s := range b.Spread {
		for _, p := range s.Pieces {
			if p.Rank == rank {
				do(i, p, from)
				from += p.N
			}
		}
	}
}

// findPositions fills in position, in the memory of dst if that suffices, and end.
func (b *Batch) findPositions(dst []int, rank int) {
	b.position, b.end = dst[:0], 0
	place := func(past, n int) {
		for i := range n {
			b.position = append(b.position, past+i)
		}
		b.end = max(b.end, past+n)
	}
	for s := range b.Sequences() {
		place(b.past(s), int(b.Starts[s+1]-b.Starts[s]))
	}
	b.pieces(rank, func(i int, p Piece, _ int) { place(b.Spread[i].Past+p.First, p.N) })
}

// past is the number of tokens before those that sequence s brings.
func (b Batch) past(s int) int {
	if b.Caches == nil {
		return 0
	}
	return b.Caches[s].length
}

// reserve makes room in the caches for what the sequences bring.
func (b Batch) reserve() {
	for s, c := range b.Caches {
		c.reserve(int(b.Starts[s+1] - b.Starts[s]))
	}
	for _, s := range b.Spread {
		if s.Cache != nil {
			s.Cache.reserve(s.Tokens())
		}
	}
}

// advance counts what the sequences brought as past.
func (b Batch) advance() {
	for s, c := range b.Caches {
		c.length += int(b.Starts[s+1] - b.Starts[s])
	}
	for _, s := range b.Spread {
		if s.Cache != nil {
			s.Cache.length += s.Tokens()
		}
	}
}

// check fails on a batch that does not fit together or an id outside the vocabulary.
func (b Batch) check(vocab, rank int) error {
	if len(b.Tokens) != len(b.IDs) {
		return fmt.Errorf("layers: batch: %d global token ids for %d tokens", len(b.Tokens), len(b.IDs))
	}
	end := b.whole()
	b.pieces(rank, func(_ int, p Piece, _ int) { end += p.N })
	if end != len(b.IDs) {
		return fmt.Errorf("layers: batch: sequences and pieces end at %d of its %d tokens", end, len(b.IDs))
	}
	for i, s := range b.Spread {
		if err := s.check(); err != nil {
			return fmt.Errorf("layers: batch: spread sequence %d: %w", i, err)
		}
	}
	if s := b.Sequences(); b.Caches != nil && len(b.Caches) != s {
		return fmt.Errorf("layers: batch: %d caches for %d sequences", len(b.Caches), s)
	}
	for i, id := range b.IDs {
		if id < 0 || int(id) >= vocab {
			return fmt.Errorf("layers: batch: token %d has id %d, vocabulary holds 0 to %d", b.Tokens[i], id, vocab-1)
		}
	}
	return nil
}
