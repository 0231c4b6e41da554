package trace

import (
	"path/filepath"
	"strings"
	"testing"
)

// A hint is for what a file does not say: one that it contradicts is a fault.
func TestHints(t *testing.T) {
	tokens, counts := writeRouting(t, uniform(t, 8, 2), 8), filepath.Join(t.TempDir(), "c.routing")
	other := file(t, "c.json", `{"logical_count": [[3, 1, 2, 2]]}`)
	l, err := OpenLoads(other, Hints{TopK: 2})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Write(counts); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		rule, path string
		hints      Hints
		want       string // of the error; empty: none
	}{
		{"none is needed", tokens, Hints{}, ""},
		{"what holds is no fault", tokens, Hints{TopK: 2, Experts: 8}, ""},
		{"K is the file's", tokens, Hints{TopK: 3}, "top k is 2 there, not 3"},
		{"E is the file's", tokens, Hints{Experts: 9}, "8 experts are there, not 9"},
		{"tokens have no sets", tokens, Hints{Set: "x"}, `no set of counts "x"`},
		{"K of counts is the user's", other, Hints{TopK: 1, Experts: 4}, ""},
		{"E of counts is the file's", other, Hints{TopK: 1, Experts: 5}, "4 experts are there, not 5"},
		{"K of our counts is the file's", counts, Hints{TopK: 1}, "top k is 2 there, not 1"},
		{"a set is there", counts, Hints{Set: "x"}, `none is named "x"`},
	} {
		t.Run(c.rule, func(t *testing.T) {
			loads, err := IsLoads(c.path)
			if err == nil && loads {
				_, err = OpenLoads(c.path, c.hints)
			} else if err == nil {
				var s Stream
				if s, err = Open(c.path, c.hints); err == nil {
					s.Close()
				}
			}
			switch {
			case c.want == "" && err != nil:
				t.Error(err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.path)):
				t.Errorf("%v, want %q and %s", err, c.want, c.path)
			}
		})
	}
}
