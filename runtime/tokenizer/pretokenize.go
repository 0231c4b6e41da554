package tokenizer

import (
	"encoding/json"
	"unicode"
)

// preTokenizer cuts a piece of text into smaller ones, which merges do not
// cross, and may change their text. It appends them to dst.
type preTokenizer interface {
	split(dst []piece, p piece) ([]piece, error)
}

// newPreTokenizers reads the field "pre_tokenizer" or a part of it and appends
// what it holds to dst.
func newPreTokenizers(dst []preTokenizer, o object) ([]preTokenizer, error) {
	kind, err := o.kind()
	if err != nil {
		return nil, err
	}
	var made preTokenizer
	switch kind {
	case "Sequence":
		err = o.sequence("pretokenizers", func(part object) (err error) { dst, err = newPreTokenizers(dst, part); return err })
		return dst, err
	case "Split":
		made, err = newSplit(o)
	case "Digits":
		made, err = newDigits(o)
	case "Whitespace":
		made, err = words{}, o.read(&struct{}{}, nil)
	case "WhitespaceSplit":
		made, err = &splitter{finder: class(unicode.IsSpace), behavior: removed}, o.read(&struct{}{}, nil)
	case "Metaspace":
		made, err = newMetaspacePreTokenizer(o, len(dst) == 0)
	case "ByteLevel":
		made, err = newByteLevel(o)
	default:
		err = o.unsupported(kind)
	}
	return append(dst, made), err
}

// splitter cuts at the matches of a finder.
type splitter struct {
	finder   finder
	behavior behavior
	invert   bool // at what lies between matches
}

func newSplit(o object) (*splitter, error) {
	var f struct {
		Pattern  json.RawMessage `json:"pattern"`
		Behavior behavior        `json:"behavior"`
		Invert   bool            `json:"invert"`
	}
	if err := o.read(&f, []string{"pattern", "behavior", "invert"}); err != nil {
		return nil, err
	}
	if !f.Behavior.valid() {
		return nil, faultf(join(o.field, "behavior"), "%q is %w", f.Behavior, ErrUnsupported)
	}
	find, err := newFinder(join(o.field, "pattern"), f.Pattern)
	return &splitter{find, f.Behavior, f.Invert}, err
}

// newDigits reads a Digits, which cuts out runs of numbers, or each number.
func newDigits(o object) (*splitter, error) {
	var f struct {
		Individual bool `json:"individual_digits"`
	}
	err := o.read(&f, []string{"individual_digits"})
	s := &splitter{finder: class(unicode.IsNumber), behavior: contiguous}
	if f.Individual {
		s.behavior = isolated
	}
	return s, err
}

func (s *splitter) split(dst []piece, p piece) ([]piece, error) {
	spans, err := s.finder.find(nil, p.text)
	if s.invert {
		for i := range spans {
			spans[i].match = !spans[i].match
		}
	}
	return s.behavior.apply(dst, p, spans), err
}

// words keeps what \w+|[^\w\s]+ finds.
type words struct{}

func (words) split(dst []piece, p piece) ([]piece, error) {
	start, kind := 0, ' '
	for i, r := range p.text {
		if k := wordKind(r); k != kind {
			if kind != ' ' {
				dst = p.cut(dst, start, i)
			}
			start, kind = i, k
		}
	}
	if kind != ' ' {
		dst = p.cut(dst, start, len(p.text))
	}
	return dst, nil
}

func wordKind(r rune) rune {
	switch {
	case unicode.IsSpace(r):
		return ' '
	case isWord(r):
		return 'w'
	}
	return '.'
}
