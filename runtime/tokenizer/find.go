package tokenizer

import (
	"encoding/json"
	"strings"
	"unicode/utf8"

	"github.com/dlclark/regexp2/v2"
)

// finder finds its matches in a text. It appends spans to dst that cover the
// text from end to end.
type finder interface {
	find(dst []span, text string) ([]span, error)
}

// newFinder reads a field {"String": "…"} or {"Regex": "…"}.
func newFinder(field string, raw json.RawMessage) (finder, error) {
	o, err := newObject(field, raw)
	if err != nil {
		return nil, err
	}
	var f struct{ String, Regex *string }
	if err := o.read(&f, nil, "String", "Regex"); err != nil {
		return nil, err
	}
	switch {
	case (f.String == nil) == (f.Regex == nil):
		return nil, faultf(field, "has %d of String and Regex, want one", len(o.fields))
	case f.Regex != nil:
		return compile(field, *f.Regex)
	case *f.String == "":
		return nil, faultf(field, "an empty string is %w", ErrUnsupported)
	}
	return literal(*f.String), nil
}

// literal finds a string that is not empty.
type literal string

func (l literal) find(dst []span, text string) ([]span, error) {
	done := 0
	for {
		i := strings.Index(text[done:], string(l))
		if i < 0 {
			return rest(dst, done, text), nil
		}
		end := done + i + len(l)
		dst = between(dst, done, done+i, end)
		done = end
	}
}

// class finds every character for which it is true, each by itself.
type class func(rune) bool

func (c class) find(dst []span, text string) ([]span, error) {
	done := 0
	for i, r := range text {
		if c(r) {
			end := i + utf8.RuneLen(r)
			dst = between(dst, done, i, end)
			done = end
		}
	}
	return rest(dst, done, text), nil
}

// pattern finds a regular expression.
type pattern struct{ re *regexp2.Regexp }

// compile makes a pattern of source in Oniguruma's syntax, the library's.
func compile(field, source string) (pattern, error) {
	translated, err := translate(source)
	if err != nil {
		return pattern{}, faultf(field, "pattern %q: %w", source, err)
	}
	// The stack of a match grows with the text, which is the caller's and in
	// memory already; with a limit, long runs of spaces would be errors.
	re, err := regexp2.Compile(translated, regexp2.OptionMaxBacktrackingStackSize(-1))
	if err != nil {
		return pattern{}, faultf(field, "pattern %q: %w", source, err)
	}
	return pattern{re}, nil
}

func (p pattern) find(dst []span, text string) ([]span, error) {
	runes := []rune(text)
	rune0, byte0, done := 0, 0, 0 // rune0 is the rune that starts at byte byte0
	offset := func(r int) int {
		for ; rune0 < r; rune0++ {
			byte0 += utf8.RuneLen(runes[rune0])
		}
		return byte0
	}
	matched := false
	err := p.re.FindRunesMatches(runes, -1, func(m regexp2.MatchView) bool {
		index, length, _ := m.GroupRange(0)
		start, end := offset(index), offset(index+length)
		// Oniguruma finds no empty match where the match before it ends.
		if matched && length == 0 && start == done {
			return true
		}
		dst = between(dst, done, start, end)
		done, matched = end, true
		return true
	})
	return rest(dst, done, text), err
}

// rest appends the span from done to the end of text.
func rest(dst []span, done int, text string) []span {
	if done == len(text) {
		return dst
	}
	return append(dst, span{start: done, end: len(text)})
}
