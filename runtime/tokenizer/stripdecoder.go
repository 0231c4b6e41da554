package tokenizer

import (
	"strings"
	"unicode/utf8"
)

// stripStage takes a character off the ends of each token: up to before copies
// at its start, then up to after at its end.
type stripStage struct {
	char          string
	before, after int
}

type stripDecoder struct {
	stripStage
	emit func(string)
}

func newStripStage(o object) (stage, error) {
	var f struct {
		Content string `json:"content"`
		Start   int    `json:"start"`
		Stop    int    `json:"stop"`
	}
	if err := o.read(&f, []string{"content", "start", "stop"}); err != nil {
		return nil, err
	}
	switch n := utf8.RuneCountInString(f.Content); {
	case n != 1:
		return nil, faultf(join(o.field, "content"), "%q has %d characters, want 1", f.Content, n)
	case f.Start < 0 || f.Stop < 0:
		return nil, faultf(o.field, "start %d and stop %d, want 0 or more", f.Start, f.Stop)
	}
	return stripStage{f.Content, f.Start, f.Stop}, nil
}

func (s stripStage) start(emit func(string)) decoder { return &stripDecoder{s, emit} }

func (d *stripDecoder) push(token string) {
	for n := 0; n < d.before && strings.HasPrefix(token, d.char); n++ {
		token = token[len(d.char):]
	}
	for n := 0; n < d.after && strings.HasSuffix(token, d.char); n++ {
		token = token[:len(token)-len(d.char)]
	}
	d.emit(token)
}

func (d *stripDecoder) flush() {}

// stripTextStage takes up to before copies of a character off the start of the
// whole text.
type stripTextStage stripStage

func (s stripTextStage) start(emit func(string)) decoder { return &stripTextDecoder{s, emit} }

type stripTextDecoder struct {
	stripTextStage // before counts down
	emit           func(string)
}

func (d *stripTextDecoder) push(text string) {
	for d.before > 0 && text != "" {
		if !strings.HasPrefix(text, d.char) {
			d.before = 0
			break
		}
		text = text[len(d.char):]
		d.before--
	}
	d.emit(text)
}

func (d *stripTextDecoder) flush() {}
