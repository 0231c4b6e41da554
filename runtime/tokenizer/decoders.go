package tokenizer

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// fuseStage makes one token of all.
type fuseStage struct{}

type fuseDecoder struct {
	emit func(string)
	text []byte
}

func (fuseStage) start(emit func(string)) decoder { return &fuseDecoder{emit: emit} }
func (d *fuseDecoder) push(token string)          { d.text = append(d.text, token...) }
func (d *fuseDecoder) flush()                     { d.emit(string(d.text)) }

// spaceStage puts a space between tokens: what the library does for a file
// without a decoder.
type spaceStage struct{}

type spaceDecoder struct {
	emit  func(string)
	space string
}

func (spaceStage) start(emit func(string)) decoder { return &spaceDecoder{emit: emit} }

func (d *spaceDecoder) push(token string) {
	d.emit(d.space + token)
	d.space = " "
}

func (d *spaceDecoder) flush() {}

// byteLevelStage reads the alphabet of byteLevel back. A token that is not
// written in it stands for itself.
type byteLevelStage struct{}

type byteLevelDecoder struct {
	emit  func(string)
	bytes []byte // of a character that has only begun
}

func (byteLevelStage) start(emit func(string)) decoder { return &byteLevelDecoder{emit: emit} }

func (d *byteLevelDecoder) push(token string) {
	bytes, ok := appendLetters(d.bytes, token)
	if !ok {
		bytes = append(d.bytes, token...)
	}
	whole := wholeCharacters(bytes)
	d.emit(toValidUTF8(bytes[:whole]))
	d.bytes = append(bytes[:0], bytes[whole:]...)
}

func (d *byteLevelDecoder) flush() { d.emit(toValidUTF8(d.bytes)) }

// byteFallbackStage makes characters of runs of tokens <0x00> to <0xFF>. A run
// that is not UTF-8 becomes one replacement character a token, so all of it
// waits for its end.
type byteFallbackStage struct{}

type byteFallbackDecoder struct {
	emit func(string)
	run  []byte
}

func (byteFallbackStage) start(emit func(string)) decoder { return &byteFallbackDecoder{emit: emit} }

func (d *byteFallbackDecoder) push(token string) {
	if b, ok := byteToken(token); ok {
		d.run = append(d.run, b)
		return
	}
	d.flush()
	d.emit(token)
}

func (d *byteFallbackDecoder) flush() {
	if len(d.run) > 0 && utf8.Valid(d.run) {
		d.emit(string(d.run))
	} else {
		for range d.run {
			d.emit("\ufffd")
		}
	}
	d.run = d.run[:0]
}

// byteToken is the byte that a token <0xHH> stands for.
func byteToken(token string) (byte, bool) {
	if len(token) != 6 || token[:3] != "<0x" || token[5] != '>' {
		return 0, false
	}
	b, err := strconv.ParseUint(token[3:5], 16, 8)
	return byte(b), err == nil
}

// replaceStage puts content in the place of each match in a token.
type replaceStage struct{ find, content string }

type replaceDecoder struct {
	replaceStage
	emit func(string)
}

func newReplaceStage(o object) (stage, error) {
	r, err := newReplace(o)
	if err != nil {
		return nil, err
	}
	find, ok := r.finder.(literal)
	if !ok {
		return nil, faultf(join(o.field, "pattern"), "a Regex in a decoder is %w", ErrUnsupported)
	}
	return replaceStage{string(find), r.content}, nil
}

func (s replaceStage) start(emit func(string)) decoder { return &replaceDecoder{s, emit} }
func (d *replaceDecoder) push(token string)            { d.emit(strings.ReplaceAll(token, d.find, d.content)) }
func (d *replaceDecoder) flush()                       {}
