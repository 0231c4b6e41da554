package tokenizer

import (
	"fmt"
	"strings"
	"testing"
)

func TestAddedTokensInText(t *testing.T) {
	tests := []struct {
		rule   string
		tokens []addedToken
		text   string
		want   string
	}{
		{"the longest of those that start first", []addedToken{{text: "<a"}, {text: "<a>"}, {text: "a>b"}}, "x<a>b", "x|1|b"},
		{"a longer one that does not go through leaves the shorter", []addedToken{{text: "<a"}, {text: "<abcd"}}, "<abc", "0|bc"},
		{"one token next to another", []addedToken{{text: "<a>"}}, "<a><a>", "0|0"},
		{"lstrip takes white space before it", []addedToken{{text: "<a>", lstrip: true}}, "x \u3000\n<a> y", "x|0| y"},
		{"rstrip takes white space after it", []addedToken{{text: "<a>", rstrip: true}}, "x <a>\t\u2003y", "x |0|y"},
		{"what is taken already is not taken again", []addedToken{{text: "<a>", lstrip: true, rstrip: true}}, "<a>  <a> ", "0|0"},
		{"white space taken by a token may be a token too", []addedToken{{text: "<a>", rstrip: true}, {text: "  "}}, "<a>   x", "0|1| x"},
		{"unless both take it", []addedToken{{text: "<a>", rstrip: true}, {text: "  ", lstrip: true, rstrip: true}}, "<a>   x", "0|x"},
		{"a single word is not part of one", []addedToken{{text: "cat", singleWord: true}}, "cat concat cats cat, _cat cat", "0| concat cats |0|, _cat |0"},
		{"marks and digits go on a word, punctuation does not", []addedToken{{text: "cat", singleWord: true}}, "\u0330cat cat1 -cat-", "\u0330cat cat1 -|0|-"},
		{"the search goes on behind a part of a word", []addedToken{{text: "aa", singleWord: true}}, "aaa aa", "aaa |0"},
	}
	for _, test := range tests {
		t.Run(test.rule, func(t *testing.T) {
			var m matcher
			for id, token := range test.tokens {
				token.id = int32(id)
				if other, ok := m.add(token); !ok {
					t.Fatalf("%q is already token %d", token.text, other.id)
				}
			}
			if got := show(m.split(nil, piece{text: test.text, first: true, id: noID})); got != test.want {
				t.Errorf("%q: got %q, want %q", test.text, got, test.want)
			}
		})
	}
}

// show gives added tokens as their ids.
func show(pieces []piece) string {
	texts := make([]string, len(pieces))
	for i, p := range pieces {
		texts[i] = p.text
		if p.id != noID {
			texts[i] = fmt.Sprint(p.id)
		}
	}
	return strings.Join(texts, "|")
}
