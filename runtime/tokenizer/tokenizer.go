package tokenizer

import (
	"fmt"
	"unicode/utf8"
)

// Tokenizer encodes and decodes as its tokenizer.json says. It is safe for use
// by many goroutines.
type Tokenizer struct {
	added         *addedTokens
	normalizer    normalizer
	preTokenizers []preTokenizer
	model         *bpe
	template      template
	stages        []stage
	size          int
}

// Encode returns the ids of text. Added tokens that occur in the text, special
// ones too, become their ids; none are put around it. A text that is not UTF-8
// is a *UTF8Error.
func (t *Tokenizer) Encode(text string) ([]int32, error) {
	if !utf8.ValidString(text) {
		return nil, fmt.Errorf("tokenizer: encode: %w", CheckUTF8([]byte(text)))
	}
	pieces, err := t.pieces(text)
	if err != nil {
		return nil, fmt.Errorf("tokenizer: encode: %w", err)
	}
	ids := make([]int32, 0, len(text)/3)
	for _, p := range pieces {
		if p.id != noID {
			ids = append(ids, p.id)
			continue
		}
		if ids, err = t.model.encode(ids, p.text); err != nil {
			return nil, fmt.Errorf("tokenizer: encode: %w", err)
		}
	}
	return ids, nil
}

// EncodeWithSpecial is Encode with the tokens that the file's post-processor
// puts around a single text, such as one for its beginning.
func (t *Tokenizer) EncodeWithSpecial(text string) ([]int32, error) {
	ids, err := t.Encode(text)
	if err != nil {
		return nil, err
	}
	return t.template.fill(ids), nil
}

// pieces cuts text into words and added tokens.
func (t *Tokenizer) pieces(text string) ([]piece, error) {
	pieces := t.added.asWritten.split(nil, piece{text: text, first: true, id: noID})
	pieces, err := eachText(pieces, func(dst []piece, p piece) ([]piece, error) {
		p, err := t.normalizer.normalize(p)
		return t.added.normalized.split(dst, p), err
	})
	for _, pre := range t.preTokenizers {
		if err != nil {
			break
		}
		pieces, err = eachText(pieces, pre.split)
	}
	return pieces, err
}

// eachText puts what split makes of it in the place of each piece that is not
// an added token.
func eachText(pieces []piece, split func(dst []piece, p piece) ([]piece, error)) ([]piece, error) {
	dst := make([]piece, 0, len(pieces))
	var err error
	for _, p := range pieces {
		if p.id != noID {
			dst = append(dst, p)
			continue
		}
		if dst, err = split(dst, p); err != nil {
			return nil, err
		}
	}
	return dst, nil
}

// Decode returns the text of ids, special tokens included. Bytes that are no
// UTF-8 become U+FFFD. As in the library an id without a token adds no text; a
// negative one is an error.
func (t *Tokenizer) Decode(ids []int32) (string, error) { return t.decode(ids, false) }

// DecodeWithoutSpecial is Decode with special tokens left out.
func (t *Tokenizer) DecodeWithoutSpecial(ids []int32) (string, error) { return t.decode(ids, true) }

// VocabSize is one more than the largest id, added tokens included.
func (t *Tokenizer) VocabSize() int { return t.size }

// TokenID returns the id of the token with exactly this content, as it is
// written in the file.
func (t *Tokenizer) TokenID(content string) (int32, bool) {
	if id, ok := t.added.byContent[content]; ok {
		return id, true
	}
	id, ok := t.model.vocabulary.ids[content]
	return id, ok
}

// Token returns the content of the token with this id, as it is written in the
// file; Decode makes text of it.
func (t *Tokenizer) Token(id int32) (string, bool) {
	if token, ok := t.added.byID[id]; ok {
		return token.content, true
	}
	token, ok := t.model.vocabulary.tokens[id]
	return token, ok
}

// text is what the decoders make text of: the token, or what it normalizes to
// if it is an added one that is found in normalized text.
func (t *Tokenizer) text(id int32) (string, bool) {
	if token, ok := t.added.byID[id]; ok {
		return token.text, true
	}
	token, ok := t.model.vocabulary.tokens[id]
	return token, ok
}
