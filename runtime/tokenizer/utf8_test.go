package tokenizer

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

// The examples are those of the Unicode standard, section 3.9, tables 3-8 to
// 3-11, and of Rust's String::from_utf8_lossy.
func TestToValidUTF8(t *testing.T) {
	tests := []struct{ rule, bytes, want string }{
		{"what is UTF-8 stays", "héllo 語😀\ufffd", "héllo 語😀\ufffd"},
		{"bytes that start nothing are one each", "\xc0\xaf\xe0\x80\xbf\xf0\x81\x82\x41", "\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffdA"},
		{"so are surrogates", "\xed\xa0\x80\xed\xbf\xbf\xed\xaf\x41", "\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffdA"},
		{"and what is above U+10FFFF", "\xf4\x91\x92\x93\xff\x41\x80\xbf\x42", "\ufffd\ufffd\ufffd\ufffd\ufffdA\ufffd\ufffdB"},
		{"a start without its end is one together", "\xe1\x80\xe2\xf0\x91\x92\xf1\xbf\x41", "\ufffd\ufffd\ufffd\ufffdA"},
		{"also at the end", "a\xf0\x9f\x98", "a\ufffd"},
		{"Hello", "Hello \xf0\x90\x80World", "Hello \ufffdWorld"},
	}
	for _, test := range tests {
		if got := toValidUTF8([]byte(test.bytes)); got != test.want {
			t.Errorf("%s: %q: got %q, want %q", test.rule, test.bytes, got, test.want)
		}
	}
}

func TestWholeCharacters(t *testing.T) {
	tests := []struct {
		bytes string
		want  int
	}{
		{"", 0}, {"a", 1}, {"é", 2}, {"a\xc3", 1}, {"a\xe8\xaa", 1}, {"a\xf0\x9f\x98", 1}, {"😀", 4}, {"😀\xf0", 4},
		{"a\x80", 2}, {"a\xff", 2}, {"\xe0\x80", 2}, {"\xc3a", 2}, {"\xf0\x9f\xc3", 2}, {"\xbf\xbf\xbf\xbf", 4},
	}
	for _, test := range tests {
		if got := wholeCharacters([]byte(test.bytes)); got != test.want {
			t.Errorf("%q: got %d, want %d", test.bytes, got, test.want)
		}
	}
}

func TestByteLettersAreOneToOne(t *testing.T) {
	seen := map[rune]bool{}
	for b, r := range byteLetters {
		if seen[r] || !utf8.ValidRune(r) {
			t.Errorf("byte 0x%02x is %q, which another one is", b, r)
		}
		seen[r] = true
		if back, ok := appendLetters(nil, string(r)); !ok || len(back) != 1 || back[0] != byte(b) {
			t.Errorf("%q is bytes %v, want 0x%02x", r, back, b)
		}
	}
	for text, want := range map[string]string{" ": "Ġ", "\n": "Ċ", "\u00ad"[1:]: "Ń", "!": "!"} {
		if got := string(byteLetters[text[0]]); got != want {
			t.Errorf("byte 0x%02x is %q, want %q", text[0], got, want)
		}
	}
	for _, text := range []string{"a b", "語", "\u0144", "\u00ad"} {
		if got, ok := appendLetters(nil, text); ok {
			t.Errorf("%q, which is not in the alphabet, is %v", text, got)
		}
	}
}

// CheckUTF8 agrees with the standard library on what is UTF-8, and what is before
// the offset is.
func FuzzCheckUTF8(f *testing.F) {
	for _, text := range []string{"", "plain", "naïve", "a\xff", "\xe2\x82", "\xed\xa0\x80", "\uFFFD", "\xc0\x80"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		err := CheckUTF8(text)
		if (err == nil) != utf8.Valid(text) {
			t.Fatalf("%v, valid %v", err, utf8.Valid(text))
		}
		fault, ok := errors.AsType[*UTF8Error](err)
		if err == nil {
			return
		}
		if !ok || fault.Size != len(text) || fault.Byte != text[fault.Offset] {
			t.Fatalf("%q: %#v", text, err)
		}
		if r, size := utf8.DecodeRune(text[fault.Offset:]); !utf8.Valid(text[:fault.Offset]) || r != utf8.RuneError || size != 1 {
			t.Fatalf("offset %d of %q is not the first fault", fault.Offset, text)
		}
	})
}

func TestCheckUTF8(t *testing.T) {
	for _, c := range []struct{ rule, text, want string }{
		{"nothing is UTF-8", "", ""},
		{"characters of several bytes are UTF-8", "γ≥1", ""},
		{"the replacement character itself is UTF-8", "a\uFFFDb", ""},
		{"a stray byte is not", "ab\xffc", "not UTF-8: byte 0xff at offset 2 of 4"},
		{"half a character is not", "γ\xce", "not UTF-8: byte 0xce at offset 2 of 3"},
		{"a surrogate is not", "x\xed\xa0\x80", "not UTF-8: byte 0xed at offset 1 of 4"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			if err := CheckUTF8([]byte(c.text)); (err == nil) != (c.want == "") || err != nil && err.Error() != c.want {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

func TestCheckJSON(t *testing.T) {
	for _, c := range []struct{ rule, line, want string }{
		{"a text", `"a\u00e9\n"`, ""},
		{"a character in two halves", `"\ud83d\ude00"`, ""},
		{"the replacement character", `"\ufffd"`, ""},
		{"a backslash before a u", `"\\ud800"`, ""},
		{"a first half alone", `{"a": "x\ud83d"}`, `\ud83d at offset 8 of 16 is half of a character`},
		{"two first halves", `"\ud83d\ud83d\ude00"`, `\ud83d at offset 1 of 20`},
		{"a second half alone", `"\\\uDE00"`, `\uDE00 at offset 3 of 10`},
		{"a half and an escape", `"\ud83d\n"`, `\ud83d at offset 1`},
		{"an escape that ends early", `"\ud8`, ""},
		{"a byte", "\"\xff\"", "not UTF-8: byte 0xff at offset 1 of 3"},
	} {
		err := CheckJSON([]byte(c.line))
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.rule, err, c.want)
		}
	}
}
