package tokenizer

import (
	"strings"
)

// gpt2Pattern cuts words for the ByteLevel pre-tokenizer, as GPT-2 does.
const gpt2Pattern = `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`

// byteLetters writes every byte as a character that can be seen: a printable
// Latin-1 character as itself, the other 68 as U+0100 to U+0143 in order
// (GPT-2's bytes_to_unicode).
var byteLetters = makeByteLetters()

// letterBytes is the way back: the byte of each character, -1 where the
// character is not in the alphabet.
var letterBytes = makeLetterBytes()

func makeByteLetters() (letters [256]rune) {
	other := rune(0x100)
	for b := range rune(256) {
		if b >= '!' && b <= '~' || b >= 0xa1 && b <= 0xac || b >= 0xae {
			letters[b] = b
			continue
		}
		letters[b] = other
		other++
	}
	return letters
}

func makeLetterBytes() (bytes [0x144]int16) {
	for r := range bytes {
		bytes[r] = -1
	}
	for b, r := range byteLetters {
		bytes[r] = int16(b)
	}
	return bytes
}

// appendLetters appends the bytes that text, all of it in the alphabet, stands
// for to dst; ok tells whether it is.
func appendLetters(dst []byte, text string) (bytes []byte, ok bool) {
	for _, r := range text {
		if int(r) >= len(letterBytes) || letterBytes[r] < 0 {
			return dst, false
		}
		dst = append(dst, byte(letterBytes[r]))
	}
	return dst, true
}

// byteLevel is the ByteLevel pre-tokenizer: it cuts out words and writes them
// in the alphabet.
type byteLevel struct {
	space bool   // put before a text that starts with none
	words finder // nil: no cuts
}

func newByteLevel(o object) (*byteLevel, error) {
	f := struct {
		Space bool `json:"add_prefix_space"`
		Cut   bool `json:"use_regex"`
	}{Cut: true}
	if err := o.read(&f, []string{"add_prefix_space"}, "trim_offsets", "use_regex"); err != nil {
		return nil, err
	}
	if !f.Cut {
		return &byteLevel{space: f.Space}, nil
	}
	words, err := compile(o.field, gpt2Pattern)
	return &byteLevel{f.Space, words}, err
}

func (b *byteLevel) split(dst []piece, p piece) ([]piece, error) {
	if b.space && !strings.HasPrefix(p.text, " ") {
		p.text = " " + p.text
	}
	spans := []span{{end: len(p.text)}}
	if b.words != nil {
		var err error
		if spans, err = b.words.find(nil, p.text); err != nil {
			return dst, err
		}
	}
	var letters strings.Builder
	letters.Grow(len(p.text) + len(p.text)/2)
	for i, s := range spans {
		start := letters.Len()
		for _, c := range []byte(p.text[s.start:s.end]) {
			letters.WriteRune(byteLetters[c])
		}
		spans[i] = span{start: start, end: letters.Len()}
	}
	p.text = letters.String()
	return isolated.apply(dst, p, spans), nil
}
