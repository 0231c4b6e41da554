package tokenizer

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// wholeCharacters is the number of leading bytes that more bytes cannot change
// the reading of: all but a character that has begun and not ended.
func wholeCharacters(b []byte) int {
	for i := max(0, len(b)-(utf8.UTFMax-1)); i < len(b); i++ {
		if utf8.RuneStart(b[i]) && !utf8.FullRune(b[i:]) {
			return i
		}
	}
	return len(b)
}

// toValidUTF8 is b as a text with each maximal part that begins a character and
// does not end it replaced by one U+FFFD (Unicode standard, section 3.9,
// "U+FFFD Substitution of Maximal Subparts"), as Rust's from_utf8_lossy and
// unlike package strings, which replaces a run of such parts by one.
func toValidUTF8(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	var text strings.Builder
	for len(b) > 0 {
		r, size := utf8.DecodeRune(b)
		if r == utf8.RuneError && size == 1 {
			size = subpart(b)
		}
		text.WriteRune(r)
		b = b[size:]
	}
	return text.String()
}

// subpart is the size of the maximal part of a character that b, which does not
// start with a whole one, starts with: at least 1.
func subpart(b []byte) int {
	n := 1
	for n < len(b) && !utf8.FullRune(b[:n]) && !utf8.FullRune(b[:n+1]) {
		n++
	}
	return n
}

// CheckUTF8 is a *UTF8Error if a text is not UTF-8.
func CheckUTF8(text []byte) error {
	if utf8.Valid(text) {
		return nil
	}
	for at := 0; at < len(text); {
		r, size := utf8.DecodeRune(text[at:])
		if r == utf8.RuneError && size == 1 {
			return &UTF8Error{Offset: at, Byte: text[at], Size: len(text)}
		}
		at += size
	}
	return nil
}

// CheckJSON is an error if texts that a line of JSON holds would not be read as they are
// written: bytes that are not UTF-8, or an escape of half of a character, for both of which
// a replacement would be read.
func CheckJSON(line []byte) error {
	if err := CheckUTF8(line); err != nil {
		return err
	}
	for at := 0; at+1 < len(line); at++ {
		if line[at] != '\\' {
			continue
		}
		r := escaped(line[at:])
		switch {
		case !utf16.IsSurrogate(r):
			at++ // what is escaped
		case utf16.DecodeRune(r, escaped(line[at+6:])) == utf8.RuneError:
			return fmt.Errorf("%s at offset %d of %d is half of a character", line[at:at+6], at, len(line))
		default:
			at += 11
		}
	}
	return nil
}

// escaped is the number of an escape \uXXXX that a text begins with, 0 for none.
func escaped(text []byte) rune {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return 0
	}
	n, err := strconv.ParseUint(string(text[2:6]), 16, 16)
	if err != nil {
		return 0
	}
	return rune(n)
}
