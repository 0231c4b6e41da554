package runtime

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"capmoe/collective"
)

func TestParseSequences(t *testing.T) {
	for _, c := range []struct {
		rule string
		text string
		want [][]int32
	}{
		{"sequences are lists of ids", `{"sequences": [[1, 2], [3]]}`, [][]int32{{1, 2}, {3}}},
		{"there may be none", `{"sequences": []}`, [][]int32{}},
		{"a sequence may be empty", `{"sequences": [[], [1]]}`, [][]int32{{}, {1}}},
		{"other fields are passed over", `{"logits": [[[0.5]]], "sequences": [[1]], "note": null}`, [][]int32{{1}}},
		{"ids are judged against the vocabulary later", `{"sequences": [[-1, 2147483647]]}`, [][]int32{{-1, 2147483647}}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			got, err := parseSequences([]byte(c.text))
			if err != nil || !reflect.DeepEqual(got, c.want) {
				t.Errorf("%v, %v, want %v", got, err, c.want)
			}
		})
	}
}

func TestParseSequencesRefuses(t *testing.T) {
	for _, c := range []struct {
		rule  string
		text  string
		fault string
	}{
		{"nothing", ``, "not JSON"},
		{"half an object", `{"sequences": [[1]`, "not JSON"},
		{"more than an object", `{"sequences": []} {}`, "byte 19"},
		{"a list", `[[1]]`, "array, want an object"},
		{"an object without sequences", `{}`, `"sequences" is missing`},
		{"sequences under another name", `{"SEQUENCES": []}`, `"sequences" is missing`},
		{"no sequences", `{"sequences": null}`, `"sequences": null`},
		{"a sequence that is a number", `{"sequences": [[1], 2]}`, "sequence 1: number"},
		{"a sequence that is null", `{"sequences": [[1], null]}`, "sequence 1: null"},
		{"an id that is null", `{"sequences": [[1, null]]}`, "sequence 0: token 1: null"},
		{"an id with a fraction", `{"sequences": [[1.5]]}`, "sequence 0: number 1.5"},
		{"an id beyond 32 bits", `{"sequences": [[2147483648]]}`, "sequence 0: token 0: id 2147483648, want 0 to 2147483647"},
		{"an id beyond 64 bits", `{"sequences": [[99999999999999999999]]}`, "sequence 0: number 99999999999999999999"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			got, err := parseSequences([]byte(c.text))
			if err == nil {
				t.Fatalf("%v, want an error", got)
			}
			if !strings.Contains(err.Error(), c.fault) || strings.ContainsAny(err.Error(), "\n") {
				t.Errorf("error %q, want one line with %q", err, c.fault)
			}
		})
	}
}

// What is accepted says the same when it is written and read again.
func FuzzParseSequences(f *testing.F) {
	for _, text := range []string{
		``, `{}`, `{"sequences": [[1, 2], [], [3]]}`, `{"sequences": null}`, `{"sequences": [null]}`,
		`{"sequences": [[null]]}`, `{"sequences": [[1e2, -0]]}`, `{"sequences": [[1]], "sequences": [[2]]}`, `[]`, `{"sequences": {"a": 1}}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		sequences, err := parseSequences(text)
		if err != nil {
			return
		}
		again, err := json.Marshal(map[string]any{"sequences": sequences})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := parseSequences(again); err != nil || !reflect.DeepEqual(got, sequences) {
			t.Fatalf("%v, %v, want %v", got, err, sequences)
		}
	})
}

// Every rank gets what rank 0 has read.
func TestShareSequences(t *testing.T) {
	for _, want := range [][][]int32{{}, {{}}, {{1, 2, 3}, {}, {4}}} {
		err := collective.Run(3, collective.Options{}, func(c collective.Communicator) error {
			var mine [][]int32
			if c.Rank() == 0 {
				mine = want
			}
			got, err := shareSequences(c, mine)
			if err == nil && !slices.EqualFunc(got, want, slices.Equal[[]int32]) {
				t.Errorf("rank %d has %v, want %v", c.Rank(), got, want)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
}
