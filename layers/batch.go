package layers

import "fmt"

// Batch is one rank's tokens of a step: sequences back to back, whole, or what is new
// of them.
type Batch struct {
	IDs    []int32  // [T_l] vocabulary ids
	Tokens []int32  // [T_l] global token ids: places in the step, over all ranks
	Starts []int32  // [S+1] where sequences begin in IDs; the last entry is T_l
	Caches []*Cache // [S] what came before; the step adds to them. nil: sequences are whole

	// Unbounded runs the step without capacity, the same on every rank: all pairs of
	// the top K stay, and none is added.
	Unbounded bool
}

// Sequences is the number of sequences in the batch.
func (b Batch) Sequences() int { return max(0, len(b.Starts)-1) }

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
}

// advance counts what the sequences brought as past.
func (b Batch) advance() {
	for s, c := range b.Caches {
		c.length += int(b.Starts[s+1] - b.Starts[s])
	}
}

// check fails on a batch that does not fit together or an id outside the vocabulary.
func (b Batch) check(vocab int) error {
	if len(b.Tokens) != len(b.IDs) {
		return fmt.Errorf("layers: batch: %d global token ids for %d tokens", len(b.Tokens), len(b.IDs))
	}
	if s := b.Sequences(); s == 0 && len(b.IDs) > 0 || s > 0 && int(b.Starts[s]) != len(b.IDs) {
		return fmt.Errorf("layers: batch: sequences do not end at its %d tokens", len(b.IDs))
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
