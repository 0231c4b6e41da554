package layers

import "fmt"

// Batch is one rank's tokens of a step: whole sequences, back to back.
type Batch struct {
	IDs    []int32 // [T_l] vocabulary ids
	Tokens []int32 // [T_l] global token ids: places in the step, over all ranks
	Starts []int32 // [S+1] where sequences begin in IDs; the last entry is T_l
}

// Sequences is the number of sequences in the batch.
func (b Batch) Sequences() int { return max(0, len(b.Starts)-1) }

// check fails on a batch that does not fit together or an id outside the vocabulary.
func (b Batch) check(vocab int) error {
	if len(b.Tokens) != len(b.IDs) {
		return fmt.Errorf("layers: batch: %d global token ids for %d tokens", len(b.Tokens), len(b.IDs))
	}
	if s := b.Sequences(); s == 0 && len(b.IDs) > 0 || s > 0 && int(b.Starts[s]) != len(b.IDs) {
		return fmt.Errorf("layers: batch: sequences do not end at its %d tokens", len(b.IDs))
	}
	for i, id := range b.IDs {
		if id < 0 || int(id) >= vocab {
			return fmt.Errorf("layers: batch: token %d has id %d, vocabulary holds 0 to %d", b.Tokens[i], id, vocab-1)
		}
	}
	return nil
}
