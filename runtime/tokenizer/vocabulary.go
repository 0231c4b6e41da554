package tokenizer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// maxTokens bounds ids, so that one wrong digit in a file does not ask for an
// embedding of terabytes.
const maxTokens = 1 << 24

// vocabulary is the model's tokens and their ids.
type vocabulary struct {
	ids    map[string]int32
	tokens map[int32]string
}

// newVocabulary checks and takes the field "vocab".
func newVocabulary(field string, vocab map[string]int64) (*vocabulary, error) {
	v := &vocabulary{
		ids:    make(map[string]int32, len(vocab)),
		tokens: make(map[int32]string, len(vocab)),
	}
	for _, token := range slices.Sorted(maps.Keys(vocab)) {
		id := vocab[token]
		if id < 0 || id >= maxTokens {
			return nil, faultf(field, "token %q has id %d, want 0 to %d", token, id, maxTokens-1)
		}
		if other, ok := v.tokens[int32(id)]; ok {
			return nil, faultf(field, "tokens %q and %q both have id %d", other, token, id)
		}
		v.ids[token] = int32(id)
		v.tokens[int32(id)] = token
	}
	return v, nil
}

// tokenPair is two tokens next to each other.
type tokenPair struct{ left, right int32 }

// merge is what becomes of a pair: the token, and the rank by which the merges
// of a word are taken, the least first.
type merge struct{ rank, id int32 }

// newMerges checks and takes the field "merges". A pair that is listed twice
// has its last rank, as in the library.
func newMerges(field string, list []mergeJSON, v *vocabulary) (map[tokenPair]merge, error) {
	merges := make(map[tokenPair]merge, len(list))
	for rank, parts := range list {
		var ids [3]int32
		for i, token := range []string{parts[0], parts[1], parts[0] + parts[1]} {
			id, ok := v.ids[token]
			if !ok {
				return nil, faultf(fmt.Sprintf("%s[%d]", field, rank), "token %q is not in the vocabulary of %d", token, len(v.ids))
			}
			ids[i] = id
		}
		merges[tokenPair{ids[0], ids[1]}] = merge{int32(rank), ids[2]}
	}
	return merges, nil
}

// mergeJSON is one merge of a file: "a b" in older ones, ["a", "b"] in newer.
type mergeJSON [2]string

// UnmarshalJSON reads either form.
func (m *mergeJSON) UnmarshalJSON(data []byte) error {
	var parts []string
	if bytes.HasPrefix(data, []byte(`"`)) {
		var text string
		if err := json.Unmarshal(data, &text); err != nil {
			return err
		}
		parts = strings.Split(text, " ")
	} else if err := json.Unmarshal(data, &parts); err != nil {
		return err
	}
	if len(parts) != 2 {
		return fmt.Errorf("merge %s has %d parts, want 2", data, len(parts))
	}
	*m = mergeJSON(parts)
	return nil
}
