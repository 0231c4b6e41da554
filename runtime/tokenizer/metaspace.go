package tokenizer

import (
	"strings"
	"unicode/utf8"
)

// metaspace writes a mark in the place of each space, and before the text, and
// cuts before each mark.
type metaspace struct {
	mark    string // one character
	prepend string // always, first (at the start of the whole text) or never
	cut     bool
}

// newMetaspace reads the fields that the pre-tokenizer and the decoder share.
func newMetaspace(o object) (*metaspace, error) {
	f := struct {
		Replacement string `json:"replacement"`
		Prepend     string `json:"prepend_scheme"`
		AddPrefix   *bool  `json:"add_prefix_space"`
		Split       *bool  `json:"split"`
	}{Prepend: "always"}
	if err := o.read(&f, []string{"replacement"}, "prepend_scheme", "add_prefix_space", "split", "str_rep"); err != nil {
		return nil, err
	}
	if utf8.RuneCountInString(f.Replacement) != 1 {
		return nil, faultf(join(o.field, "replacement"), "%q has %d characters, want 1", f.Replacement, utf8.RuneCountInString(f.Replacement))
	}
	if f.AddPrefix != nil && !*f.AddPrefix {
		if o.has("prepend_scheme") && f.Prepend != "never" {
			return nil, faultf(o.field, "add_prefix_space is false, but prepend_scheme %q", f.Prepend)
		}
		f.Prepend = "never"
	}
	switch f.Prepend {
	case "always", "first", "never":
		return &metaspace{f.Replacement, f.Prepend, f.Split == nil || *f.Split}, nil
	}
	return nil, faultf(join(o.field, "prepend_scheme"), "%q is %w", f.Prepend, ErrUnsupported)
}

// newMetaspacePreTokenizer reads a Metaspace. One that marks the start of the
// whole text must be the first pre-tokenizer, as those before it may take away
// what the library goes by.
func newMetaspacePreTokenizer(o object, first bool) (*metaspace, error) {
	m, err := newMetaspace(o)
	if err == nil && m.prepend == "first" && !first {
		err = faultf(join(o.field, "prepend_scheme"), "%q behind another pre-tokenizer is %w", m.prepend, ErrUnsupported)
	}
	return m, err
}

func (m *metaspace) split(dst []piece, p piece) ([]piece, error) {
	p.text = strings.ReplaceAll(p.text, " ", m.mark)
	wanted := m.prepend == "always" || m.prepend == "first" && p.first
	if wanted && !strings.HasPrefix(p.text, m.mark) {
		p.text = m.mark + p.text
	}
	if !m.cut {
		return append(dst, p), nil
	}
	spans, err := literal(m.mark).find(nil, p.text)
	return mergedWithNext.apply(dst, p, spans), err
}

// metaspaceStage makes spaces of the marks of metaspace, and nothing of those
// in the first token if a mark was put before the text.
type metaspaceStage struct {
	mark    string
	prepend bool
}

type metaspaceDecoder struct {
	metaspaceStage
	emit  func(string)
	later bool
}

func newMetaspaceStage(o object) (stage, error) {
	m, err := newMetaspace(o)
	if err != nil {
		return nil, err
	}
	return metaspaceStage{m.mark, m.prepend != "never"}, nil
}

func (s metaspaceStage) start(emit func(string)) decoder { return &metaspaceDecoder{s, emit, false} }

func (d *metaspaceDecoder) push(token string) {
	space := " "
	if d.prepend && !d.later {
		space = ""
	}
	d.later = true
	d.emit(strings.ReplaceAll(token, d.mark, space))
}

func (d *metaspaceDecoder) flush() {}
