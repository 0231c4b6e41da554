package runtime

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"

	"capmoe/collective"
)

// ReadSequences reads {"sequences": [[id, …], …]} on rank 0, checks the ids against
// the model's vocabulary and lengths against its positions, and gives them to every
// rank. Faults of rank 0 fail on all.
func (e *Engine) ReadSequences(path string) ([][]int32, error) {
	c := e.proc.Comm
	var sequences [][]int32
	var fault error
	if c.Rank() == 0 {
		sequences, fault = readSequences(path)
		if fault == nil {
			fault = e.checkSequences(path, sequences)
		}
	}
	if err := collective.Agree(c, fault); err != nil {
		return nil, err
	}
	return shareSequences(c, sequences)
}

func readSequences(path string) ([][]int32, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("runtime: tokens: %w", err)
	}
	var file struct {
		Sequences *[][]int32 `json:"sequences"`
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	if err := dec.Decode(&file); err != nil {
		return nil, fmt.Errorf("runtime: tokens %s: %w", path, err)
	}
	if file.Sequences == nil {
		return nil, fmt.Errorf("runtime: tokens %s: field \"sequences\" is missing", path)
	}
	return *file.Sequences, nil
}

func (e *Engine) checkSequences(path string, sequences [][]int32) error {
	m := e.config.Model
	for i, seq := range sequences {
		if len(seq) > m.MaxPositions {
			return fmt.Errorf("runtime: tokens %s: sequence %d has %d tokens, the model's max_position_embeddings is %d", path, i, len(seq), m.MaxPositions)
		}
		for j, id := range seq {
			if id < 0 || int(id) >= m.Vocab {
				return fmt.Errorf("runtime: tokens %s: sequence %d, token %d: id %d, the model's vocab_size is %d", path, i, j, id, m.Vocab)
			}
		}
	}
	return nil
}

// shareSequences gives rank 0's sequences to every rank.
func shareSequences(c collective.Communicator, sequences [][]int32) ([][]int32, error) {
	lengths := make([]int64, len(sequences))
	var ids []int32
	for i, seq := range sequences {
		lengths[i] = int64(len(seq))
		ids = append(ids, seq...)
	}
	var err error
	if lengths, err = shareSlice(c, lengths); err != nil {
		return nil, err
	}
	if ids, err = shareSlice(c, ids); err != nil {
		return nil, err
	}
	sequences = make([][]int32, len(lengths))
	for i, n := range lengths {
		sequences[i], ids = ids[:n], ids[n:]
	}
	return sequences, nil
}
