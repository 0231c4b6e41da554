package runtime

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"reflect"

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
	sequences, err := parseSequences(data)
	if err != nil {
		return nil, fmt.Errorf("runtime: tokens %s: %w", path, err)
	}
	return sequences, nil
}

// parseSequences reads {"sequences": [[id, …], …]}; other fields are passed over.
func parseSequences(data []byte) ([][]int32, error) {
	var file map[string]json.RawMessage
	if err := json.Unmarshal(data, &file); err != nil {
		return nil, jsonFault(err, "an object {\"sequences\": [[id, …], …]}")
	}
	field, ok := file["sequences"]
	if !ok {
		return nil, errors.New("field \"sequences\" is missing")
	}
	var lists []json.RawMessage
	if err := json.Unmarshal(field, &lists); err != nil || lists == nil {
		return nil, fmt.Errorf("field \"sequences\": %w", jsonFault(err, "a list of lists of token ids"))
	}
	sequences := make([][]int32, len(lists))
	for i, list := range lists {
		var err error
		if sequences[i], err = parseIDs(list); err != nil {
			return nil, fmt.Errorf("sequence %d: %w", i, err)
		}
	}
	return sequences, nil
}

// parseIDs reads one list of token ids.
func parseIDs(list json.RawMessage) ([]int32, error) {
	var numbers []*int64
	if err := json.Unmarshal(list, &numbers); err != nil || numbers == nil {
		return nil, jsonFault(err, "a list of token ids")
	}
	ids := make([]int32, len(numbers))
	for j, n := range numbers {
		if n == nil {
			return nil, fmt.Errorf("token %d: %w", j, jsonFault(nil, "a token id"))
		}
		if *n < math.MinInt32 || *n > math.MaxInt32 {
			return nil, fmt.Errorf("token %d: id %d, want 0 to %d", j, *n, math.MaxInt32)
		}
		ids[j] = int32(*n)
	}
	return ids, nil
}

// jsonFault puts an error of encoding/json into the words of the file; nil stands
// for a null, which encoding/json takes for anything.
func jsonFault(err error, want string) error {
	if err == nil {
		return fmt.Errorf("null, want %s", want)
	}
	if kind, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		if kind.Field != "" {
			return fmt.Errorf("field %q: %s, want %s", kind.Field, kind.Value, kindWords[kind.Type.Kind()])
		}
		return fmt.Errorf("%s, want %s", kind.Value, want)
	}
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Errorf("not JSON: %w (at byte %d)", err, syntax.Offset)
	}
	return err
}

// kindWords are what a field may hold, as people who write JSON call it.
var kindWords = map[reflect.Kind]string{
	reflect.Bool: "true or false", reflect.Int: "a whole number", reflect.Int32: "a whole number", reflect.Int64: "a whole number", reflect.Float64: "a number",
	reflect.String: "a text", reflect.Slice: "a list", reflect.Struct: "an object", reflect.Map: "an object",
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
