package tokenizer

import (
	"slices"
	"strings"
	"testing"
	"unicode"
)

func TestBehaviors(t *testing.T) {
	tests := []struct {
		behavior behavior
		invert   bool
		want     string
	}{
		{removed, false, "the|final|countdown"},
		{isolated, false, "-|the|-|final|-|-|countdown|-"},
		{mergedWithPrevious, false, "-|the-|final-|-|countdown-"},
		{mergedWithNext, false, "-the|-final|-|-countdown|-"},
		{contiguous, false, "-|the|-|final|--|countdown|-"},
		{removed, true, "-|-|-|-|-"},
		{isolated, true, "-|the|-|final|-|-|countdown|-"},
		{mergedWithPrevious, true, "-the|-final|-|-countdown|-"},
		{mergedWithNext, true, "-|the-|final-|-|countdown-"},
		{contiguous, true, "-|the|-|final|--|countdown|-"},
	}
	for _, test := range tests {
		s := splitter{finder: literal("-"), behavior: test.behavior, invert: test.invert}
		if got := parts(t, &s, "-the-final--countdown-"); got != test.want {
			t.Errorf("%s, invert %v: got %s, want %s", test.behavior, test.invert, got, test.want)
		}
	}
}

// parts shows what a pre-tokenizer makes of a text that starts at the start.
func parts(t *testing.T, pre preTokenizer, text string) string {
	t.Helper()
	pieces, err := pre.split(nil, piece{text: text, first: true, id: noID})
	if err != nil {
		t.Fatal(err)
	}
	texts := make([]string, len(pieces))
	for i, p := range pieces {
		texts[i] = p.text
		if p.first && i > 0 {
			t.Errorf("part %d of %q is said to start where the text starts", i, text)
		}
	}
	return strings.Join(texts, "|")
}

func TestFindersCoverTheText(t *testing.T) {
	vowels, err := compile("", "[aeiou]+")
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"", "a", "b", "ab", "ba", "héllo wörld 語a語", "aaa"} {
		for _, f := range []finder{literal("a"), literal("語"), class(unicode.IsSpace), class(unicode.IsLetter), vowels} {
			spans, err := f.find(nil, text)
			if err != nil {
				t.Fatal(err)
			}
			end := 0
			for _, s := range spans {
				if s.start != end || s.end <= s.start {
					t.Errorf("%v in %q: spans %v leave or overlap something at %d", f, text, spans, end)
				}
				end = s.end
			}
			if end != len(text) {
				t.Errorf("%v in %q: spans %v end at %d of %d", f, text, spans, end, len(text))
			}
		}
	}
}

func TestEmptyMatchesCut(t *testing.T) {
	tests := []struct {
		pattern  string
		behavior behavior
		text     string
		want     string
	}{
		{"(?<=[a-z])(?=[A-Z])", isolated, "camelCaseText", "camel|Case|Text"},
		{"$", isolated, "a\nb", "a|\nb"},
		{"x*", isolated, "axxb", "a|xx|b"},
		{"x*", mergedWithNext, "axxb", "a|xxb"},
		{"x*", mergedWithPrevious, "axxb", "axx|b"},
	}
	for _, test := range tests {
		find, err := compile("", test.pattern)
		if err != nil {
			t.Fatal(err)
		}
		if got := parts(t, &splitter{finder: find, behavior: test.behavior}, test.text); got != test.want {
			t.Errorf("%s, %s: got %s, want %s", test.pattern, test.behavior, got, test.want)
		}
	}
}

func TestWords(t *testing.T) {
	tests := []struct{ text, want string }{
		{"", ""},
		{"  ", ""},
		{"Hey friend!", "Hey|friend|!"},
		{" How_are you,\u3000 doing?? ", "How_are|you|,|doing|??"},
		{"a-1 é語", "a|-|1|é語"},
	}
	for _, test := range tests {
		if got := parts(t, words{}, test.text); got != test.want {
			t.Errorf("%q: got %s, want %s", test.text, got, test.want)
		}
	}
}

func TestMetaspace(t *testing.T) {
	tests := []struct {
		rule string
		m    metaspace
		text string
		want string
	}{
		{"each mark starts a part", metaspace{"▁", "always", true}, "Hey  my friend", "▁Hey|▁|▁my|▁friend"},
		{"no second mark before one", metaspace{"▁", "always", true}, " Hey", "▁Hey"},
		{"never puts none before the text", metaspace{"▁", "never", true}, "Hey my", "Hey|▁my"},
		{"first puts one before the first piece", metaspace{"▁", "first", true}, "Hey", "▁Hey"},
		{"without cuts", metaspace{"_", "always", false}, "Hey my", "_Hey_my"},
	}
	for _, test := range tests {
		if got := parts(t, &test.m, test.text); got != test.want {
			t.Errorf("%s: got %s, want %s", test.rule, got, test.want)
		}
	}
	m := metaspace{"▁", "first", true}
	pieces, err := m.split(nil, piece{text: "Hey", id: noID})
	if want := []piece{{text: "Hey", id: noID}}; err != nil || !slices.Equal(pieces, want) {
		t.Errorf("first puts none before a later piece: got %v, want %v", pieces, want)
	}
}
