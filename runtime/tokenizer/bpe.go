package tokenizer

import (
	"fmt"
	"sync"
	"unicode/utf8"
)

// bpe is the model: byte pair encoding over the characters of a word (Sennrich
// et al. 2016, arXiv:1508.07909), with the library's options.
type bpe struct {
	vocabulary   *vocabulary
	merges       map[tokenPair]merge
	unknown      string      // token of what the vocabulary lacks, "" for none
	fuseUnknown  bool        // one unknown token for several in a row
	ignoreMerges bool        // a word that is a token is that token, whatever its merges
	byteTokens   *[256]int32 // id of "<0x00>" to "<0xFF>" or noID; nil without byte fallback
	seen         *cache
	scratch      sync.Pool // of *word
}

// newBPE reads the field "model".
func newBPE(o object) (*bpe, error) {
	var f struct {
		Dropout      *float64         `json:"dropout"`
		Unknown      string           `json:"unk_token"`
		Prefix       string           `json:"continuing_subword_prefix"`
		Suffix       string           `json:"end_of_word_suffix"`
		FuseUnknown  bool             `json:"fuse_unk"`
		ByteFallback bool             `json:"byte_fallback"`
		IgnoreMerges bool             `json:"ignore_merges"`
		Vocab        map[string]int64 `json:"vocab"`
		Merges       []mergeJSON      `json:"merges"`
	}
	if o.has("type") || !o.has("merges") { // very old files say no type
		kind, err := o.kind()
		if err != nil {
			return nil, err
		}
		if kind != "BPE" {
			return nil, o.unsupported(kind)
		}
	}
	err := o.read(&f, []string{"vocab", "merges"}, "dropout", "unk_token", "continuing_subword_prefix",
		"end_of_word_suffix", "fuse_unk", "byte_fallback", "ignore_merges")
	if err != nil {
		return nil, err
	}
	switch {
	case f.Dropout != nil && *f.Dropout != 0:
		return nil, faultf(join(o.field, "dropout"), "%v is %w", *f.Dropout, ErrUnsupported)
	case f.Prefix != "":
		return nil, faultf(join(o.field, "continuing_subword_prefix"), "%q is %w", f.Prefix, ErrUnsupported)
	case f.Suffix != "":
		return nil, faultf(join(o.field, "end_of_word_suffix"), "%q is %w", f.Suffix, ErrUnsupported)
	}
	m := &bpe{unknown: f.Unknown, fuseUnknown: f.FuseUnknown, ignoreMerges: f.IgnoreMerges, seen: newCache()}
	m.scratch.New = func() any { return new(word) }
	if m.vocabulary, err = newVocabulary(join(o.field, "vocab"), f.Vocab); err != nil {
		return nil, err
	}
	if m.merges, err = newMerges(join(o.field, "merges"), f.Merges, m.vocabulary); err != nil {
		return nil, err
	}
	if f.ByteFallback {
		m.byteTokens = m.vocabulary.byteTokens()
	}
	return m, nil
}

// byteTokens finds the tokens that stand for one byte each.
func (v *vocabulary) byteTokens() *[256]int32 {
	var ids [256]int32
	for b := range ids {
		ids[b] = noID
		if id, ok := v.ids[fmt.Sprintf("<0x%02X>", b)]; ok {
			ids[b] = id
		}
	}
	return &ids
}

// encode appends the ids of a word, which is not empty, to dst.
func (m *bpe) encode(dst []int32, text string) ([]int32, error) {
	if m.ignoreMerges {
		if id, ok := m.vocabulary.ids[text]; ok {
			return append(dst, id), nil
		}
	}
	if ids, ok := m.seen.get(text); ok {
		return append(dst, ids...), nil
	}
	w := m.scratch.Get().(*word)
	defer m.scratch.Put(w)
	if err := m.symbols(w, text); err != nil {
		return dst, err
	}
	w.merge(m.merges)
	start := len(dst)
	dst = w.appendTo(dst)
	m.seen.put(text, dst[start:])
	return dst, nil
}

// symbols fills w with the ids of the characters of text. As in the library, an
// unknown token waits for the next character that the vocabulary has, and so
// comes after the byte tokens between.
func (m *bpe) symbols(w *word, text string) error {
	w.ids = w.ids[:0]
	waiting := false
	for i, r := range text {
		char := text[i : i+utf8.RuneLen(r)]
		if id, ok := m.vocabulary.ids[char]; ok {
			if waiting {
				w.ids = append(w.ids, m.vocabulary.ids[m.unknown])
				waiting = false
			}
			w.ids = append(w.ids, id)
			continue
		}
		if m.byteTokens != nil && m.fallBack(w, char) {
			continue
		}
		if m.unknown == "" {
			continue
		}
		id, ok := m.vocabulary.ids[m.unknown]
		if !ok {
			return fmt.Errorf("character %q is not in the vocabulary of %d, nor is the unknown token %q",
				char, len(m.vocabulary.ids), m.unknown)
		}
		if waiting && !m.fuseUnknown {
			w.ids = append(w.ids, id)
		}
		waiting = true
	}
	if waiting {
		w.ids = append(w.ids, m.vocabulary.ids[m.unknown])
	}
	return nil
}

// fallBack appends the tokens of the bytes of char to w if all of them have one.
func (m *bpe) fallBack(w *word, char string) bool {
	for _, b := range []byte(char) {
		if m.byteTokens[b] == noID {
			return false
		}
	}
	for _, b := range []byte(char) {
		w.ids = append(w.ids, m.byteTokens[b])
	}
	return true
}
