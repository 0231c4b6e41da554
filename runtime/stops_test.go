package runtime

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// until runs a text through a stopper in pieces.
func until(pieces []string, stops ...string) (text string, stopped bool) {
	s := stopper{stops: stops}
	for _, piece := range pieces {
		more, stopped := s.push(piece)
		text += more
		if stopped {
			return text, true
		}
	}
	return text + s.flush(), false
}

func TestStopper(t *testing.T) {
	for _, c := range []struct {
		rule    string
		pieces  []string
		stops   []string
		text    string
		stopped bool
	}{
		{"without stops all goes through", []string{"a", "b"}, nil, "ab", false},
		{"a stop within a piece", []string{"one. two"}, []string{"."}, "one", true},
		{"a stop over three pieces", []string{"one <", "e", "nd> two"}, []string{"<end>"}, "one ", true},
		{"the start of a stop that goes on otherwise", []string{"one <", "en", "ter>"}, []string{"<end>"}, "one <enter>", false},
		{"the start of a stop at the end", []string{"one <en"}, []string{"<end>"}, "one <en", false},
		{"a stop that overlaps itself", []string{"aa", "ab"}, []string{"aab"}, "a", true},
		{"the stop that ends first counts", []string{"abcdef"}, []string{"abcdef", "cd"}, "ab", true},
		{"of two that end together the longer", []string{"abcd"}, []string{"cd", "bcd"}, "a", true},
		{"a stop may be all there is", []string{"x"}, []string{"x"}, "", true},
	} {
		if text, stopped := until(c.pieces, c.stops...); text != c.text || stopped != c.stopped {
			t.Errorf("%s: %q, %v; want %q, %v", c.rule, text, stopped, c.text, c.stopped)
		}
	}
}

// Where the pieces are cut does not matter, and nothing goes through that has a stop in it.
func TestStopperDoesNotDependOnPieces(t *testing.T) {
	letters := rapid.StringMatching(`[ab]{0,12}`)
	rapid.Check(t, func(t *rapid.T) {
		text := letters.Draw(t, "text") + letters.Draw(t, "more")
		stops := rapid.SliceOfN(rapid.StringMatching(`[ab]{1,4}`), 0, 3).Draw(t, "stops")
		var pieces []string
		for rest := text; rest != ""; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "piece")
			pieces, rest = append(pieces, rest[:n]), rest[n:]
		}
		want, stopped := until([]string{text}, stops...)
		if got, s := until(pieces, stops...); got != want || s != stopped {
			t.Fatalf("%q in pieces %q: %q, %v; whole %q, %v", stops, pieces, got, s, want, stopped)
		}
		if !strings.HasPrefix(text, want) || !stopped && want != text {
			t.Fatalf("%q of %q, stopped %v", want, text, stopped)
		}
		for _, stop := range stops {
			if strings.Contains(want, stop) {
				t.Fatalf("stop %q is in %q", stop, want)
			}
		}
	})
}
