package tokenizer

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// normalizer changes the text of a piece before it is cut.
type normalizer interface {
	normalize(p piece) (piece, error)
}

// newNormalizer reads the field "normalizer" or a part of it.
func newNormalizer(o object) (normalizer, error) {
	kind, err := o.kind()
	if err != nil {
		return nil, err
	}
	switch kind {
	case "NFC":
		return form(norm.NFC), o.read(&struct{}{}, nil)
	case "NFD":
		return form(norm.NFD), o.read(&struct{}{}, nil)
	case "NFKC":
		return form(norm.NFKC), o.read(&struct{}{}, nil)
	case "NFKD":
		return form(norm.NFKD), o.read(&struct{}{}, nil)
	case "Lowercase":
		return lowercase{}, o.read(&struct{}{}, nil)
	case "Prepend":
		var f prepend
		return &f, o.read(&f, []string{"prepend"})
	case "Strip":
		var f strip
		return &f, o.read(&f, []string{"strip_left", "strip_right"})
	case "Replace":
		return newReplace(o)
	case "Sequence":
		return newNormalizers(o)
	}
	return nil, o.unsupported(kind)
}

// normalizers apply one after the other.
type normalizers []normalizer

func newNormalizers(o object) (normalizer, error) {
	var all normalizers
	err := o.sequence("normalizers", func(part object) error {
		n, err := newNormalizer(part)
		all = append(all, n)
		return err
	})
	return all, err
}

func (n normalizers) normalize(p piece) (piece, error) {
	var err error
	for _, part := range n {
		if p, err = part.normalize(p); err != nil {
			break
		}
	}
	return p, err
}

// lowercase lowers each character by itself, as Rust's char::to_lowercase: the
// one that becomes two is U+0130, which unicode.ToLower makes a plain i.
type lowercase struct{}

func (lowercase) normalize(p piece) (piece, error) {
	p.text = strings.ReplaceAll(p.text, "\u0130", "i\u0307")
	p.text = strings.Map(unicode.ToLower, p.text)
	return p, nil
}

// prepend puts a string before a text that is not empty.
type prepend struct {
	Prepend string `json:"prepend"`
}

func (n *prepend) normalize(p piece) (piece, error) {
	if p.text != "" {
		p.text = n.Prepend + p.text
	}
	return p, nil
}

// strip takes white space off the ends.
type strip struct {
	Left  bool `json:"strip_left"`
	Right bool `json:"strip_right"`
}

func (n *strip) normalize(p piece) (piece, error) {
	if n.Left {
		text := strings.TrimLeftFunc(p.text, unicode.IsSpace)
		p.first = p.first && len(text) == len(p.text)
		p.text = text
	}
	if n.Right {
		p.text = strings.TrimRightFunc(p.text, unicode.IsSpace)
	}
	return p, nil
}

// replace puts a string in the place of every match.
type replace struct {
	finder  finder
	content string
}

// newReplace reads a Replace, of a normalizer or of a decoder. With a regular
// expression, versions of the library differ on what a dollar in the content
// means.
func newReplace(o object) (*replace, error) {
	var f struct {
		Pattern json.RawMessage `json:"pattern"`
		Content string          `json:"content"`
	}
	if err := o.read(&f, []string{"pattern", "content"}); err != nil {
		return nil, err
	}
	find, err := newFinder(join(o.field, "pattern"), f.Pattern)
	if err != nil {
		return nil, err
	}
	if _, ok := find.(literal); !ok && strings.Contains(f.Content, "$") {
		return nil, faultf(join(o.field, "content"), "%q for a Regex is %w", f.Content, ErrUnsupported)
	}
	return &replace{find, f.Content}, nil
}

func (n *replace) normalize(p piece) (piece, error) {
	spans, err := n.finder.find(nil, p.text)
	if err != nil {
		return p, fmt.Errorf("replace: %w", err)
	}
	var text strings.Builder
	for _, s := range spans {
		if s.match {
			text.WriteString(n.content)
		} else {
			text.WriteString(p.text[s.start:s.end])
		}
	}
	// The library takes what replaces a match for the match's last character.
	if len(spans) > 0 && spans[0].match {
		p.first = p.first && n.content != "" && utf8.RuneCountInString(p.text[:spans[0].end]) == 1
	}
	p.text = text.String()
	return p, nil
}
