package tokenizer

import (
	"slices"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// form normalizes to a Unicode normalization form (UAX 15).
//
// Package norm inserts U+034F into more than 30 marks in a row (UAX 15, section
// 13, the Stream-Safe Text Process), the library does not. Such texts take the
// slow way.
type form norm.Form

// manyMarks is a number of characters in a row that join what is before them
// which package norm, after decomposing, still takes for fewer than 30.
const manyMarks = 10

func (f form) normalize(p piece) (piece, error) {
	if hasManyMarks(p.text) {
		p.text = f.slow(p.text)
	} else {
		p.text = norm.Form(f).String(p.text)
	}
	return p, nil
}

func hasManyMarks(text string) bool {
	marks := 0
	for i, r := range text {
		if r < utf8.RuneSelf || norm.NFKD.PropertiesString(text[i:]).BoundaryBefore() {
			marks = 0
			continue
		}
		if marks++; marks > manyMarks {
			return true
		}
	}
	return false
}

// slow is the definition: decompose every character, sort the marks between
// starters by their class, compose what can be composed (UAX 15, section 1.3;
// Unicode standard, section 3.11).
func (f form) slow(text string) string {
	decompose := norm.NFD
	if norm.Form(f) == norm.NFKC || norm.Form(f) == norm.NFKD {
		decompose = norm.NFKD
	}
	var runes []rune
	for _, r := range text {
		runes = append(runes, []rune(decompose.String(string(r)))...)
	}
	sortMarks(runes)
	if norm.Form(f) == norm.NFC || norm.Form(f) == norm.NFKC {
		runes = compose(runes)
	}
	return string(runes)
}

// sortMarks sorts each run of characters of class other than 0 by class.
func sortMarks(runes []rune) {
	for start := 0; start < len(runes); {
		end := start
		for end < len(runes) && combiningClass(runes[end]) != 0 {
			end++
		}
		slices.SortStableFunc(runes[start:end], func(a, b rune) int {
			return int(combiningClass(a)) - int(combiningClass(b))
		})
		start = end + 1
	}
}

// compose joins, in place, each character with the last starter before it if
// there is a character for both and nothing between blocks it.
func compose(runes []rune) []rune {
	out := runes[:0]
	starter, before := -1, uint8(0) // place in out; class of the last one kept since
	for _, r := range runes {
		class := combiningClass(r)
		if starter >= 0 && (starter == len(out)-1 || before < class) {
			if joined, ok := pair(out[starter], r); ok {
				out[starter] = joined
				continue
			}
		}
		if class == 0 {
			starter = len(out)
		}
		before = class
		out = append(out, r)
	}
	return out
}

// pair is the character that a starter and the one after it compose to.
func pair(a, b rune) (rune, bool) {
	joined := norm.NFC.String(string([]rune{a, b}))
	r, size := utf8.DecodeRuneInString(joined)
	return r, size == len(joined)
}

func combiningClass(r rune) uint8 {
	if r < utf8.RuneSelf {
		return 0
	}
	return norm.NFD.PropertiesString(string(r)).CCC()
}
