package tokenizer

import (
	"fmt"
	"strings"
)

// Stream decodes ids that arrive one at a time. It gives text as soon as no
// further id can change it, so that all the texts together are what Decode
// gives for all the ids. It is for one goroutine.
type Stream struct {
	tokenizer   *Tokenizer
	skipSpecial bool
	decoders    []decoder
	decode      func(token string) // into text, by the decoders
	text        strings.Builder    // of the ids since the last call
	pushed      int
}

// Stream starts a decoding that includes special tokens.
func (t *Tokenizer) Stream() *Stream { return t.newStream(false) }

// StreamWithoutSpecial starts a decoding that leaves special tokens out.
func (t *Tokenizer) StreamWithoutSpecial() *Stream { return t.newStream(true) }

func (t *Tokenizer) newStream(skipSpecial bool) *Stream {
	s := &Stream{tokenizer: t, skipSpecial: skipSpecial}
	s.decoders, s.decode = startAll(t.stages, func(text string) { s.text.WriteString(text) })
	return s
}

// Push takes the next id and returns the text that is complete now, often ""
// in the middle of a character. As in the library an id without a token, which
// a model whose logits are padded can give, adds no text; a negative one is an
// error.
func (s *Stream) Push(id int32) (string, error) {
	if err := s.push(id); err != nil {
		return "", err
	}
	return s.take(), nil
}

// Flush returns the rest of the text. No id may follow.
func (s *Stream) Flush() string {
	for _, d := range s.decoders {
		d.flush()
	}
	return s.take()
}

func (s *Stream) push(id int32) error {
	if id < 0 {
		return fmt.Errorf("tokenizer: decode: id %d is negative (position %d)", id, s.pushed)
	}
	s.pushed++
	token, ok := s.tokenizer.text(id)
	if ok && !(s.skipSpecial && s.tokenizer.added.special[token]) {
		s.decode(token)
	}
	return nil
}

func (s *Stream) take() string {
	text := s.text.String()
	s.text.Reset()
	return text
}

// decode is a whole stream.
func (t *Tokenizer) decode(ids []int32, skipSpecial bool) (string, error) {
	s := t.newStream(skipSpecial)
	for _, id := range ids {
		if err := s.push(id); err != nil {
			return "", err
		}
	}
	return s.Flush(), nil
}
