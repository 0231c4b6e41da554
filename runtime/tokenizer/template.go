package tokenizer

import (
	"encoding/json"
	"fmt"
)

// template says which ids stand around those of a text: each part is a list of
// ids, nil for the text's own.
type template [][]int32

// fill returns the template, the zero one being the text alone, around ids.
func (t template) fill(ids []int32) []int32 {
	if t == nil {
		return ids
	}
	filled := []int32{}
	for _, part := range t {
		if part == nil {
			part = ids
		}
		filled = append(filled, part...)
	}
	return filled
}

// newTemplate reads the field "post_processor" or a part of it.
func newTemplate(o object) (template, error) {
	kind, err := o.kind()
	if err != nil {
		return nil, err
	}
	switch kind {
	case "ByteLevel": // it moves offsets, which this package does not give
		return nil, o.read(&struct{}{}, nil, "add_prefix_space", "trim_offsets", "use_regex")
	case "TemplateProcessing":
		return newSingleTemplate(o)
	case "Sequence":
		return newTemplateSequence(o)
	}
	return nil, o.unsupported(kind)
}

// newTemplateSequence reads a Sequence with at most one template.
func newTemplateSequence(o object) (template, error) {
	var only template
	err := o.sequence("processors", func(part object) error {
		t, err := newTemplate(part)
		if t != nil && only != nil {
			return faultf(part.field, "a second template is %w", ErrUnsupported)
		}
		if t != nil {
			only = t
		}
		return err
	})
	return only, err
}

type templateID struct {
	ID string `json:"id"`
}

// templatePart is {"SpecialToken": {"id": name}} or {"Sequence": {"id": "A"}}.
type templatePart struct {
	Special  *templateID `json:"SpecialToken"`
	Sequence *templateID `json:"Sequence"`
}

// newSingleTemplate reads a TemplateProcessing for a single text.
func newSingleTemplate(o object) (template, error) {
	var f struct {
		Single  []templatePart `json:"single"`
		Special map[string]struct {
			IDs []int64 `json:"ids"`
		} `json:"special_tokens"`
		Pair json.RawMessage `json:"pair"`
	}
	if err := o.read(&f, []string{"single", "special_tokens"}, "pair"); err != nil {
		return nil, err
	}
	t := template{}
	for i, part := range f.Single {
		field := fmt.Sprintf("%s.single[%d]", o.field, i)
		switch {
		case part.Special != nil:
			special, ok := f.Special[part.Special.ID]
			if !ok {
				return nil, faultf(field, "token %q is not among the %d special_tokens", part.Special.ID, len(f.Special))
			}
			ids := make([]int32, len(special.IDs))
			for j, id := range special.IDs {
				if id < 0 || id >= maxTokens {
					return nil, faultf(field, "token %q has id %d, want 0 to %d", part.Special.ID, id, maxTokens-1)
				}
				ids[j] = int32(id)
			}
			t = append(t, ids)
		case part.Sequence != nil && part.Sequence.ID == "A":
			t = append(t, nil)
		default:
			return nil, faultf(field, "want a SpecialToken or Sequence A")
		}
	}
	return t, nil
}
