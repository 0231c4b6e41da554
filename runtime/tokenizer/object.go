package tokenizer

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// object is one JSON object of the file and where it stands.
type object struct {
	field  string // as in "pre_tokenizer.pretokenizers[1]"
	raw    json.RawMessage
	fields map[string]json.RawMessage
}

// newObject reads raw, which must be a JSON object.
func newObject(field string, raw json.RawMessage) (object, error) {
	o := object{field: field, raw: raw}
	if err := json.Unmarshal(raw, &o.fields); err != nil {
		return o, jsonFault(field, err, len(raw))
	}
	if o.fields == nil {
		return o, faultf(field, "is null, want an object")
	}
	return o, nil
}

// has reports whether the object has a field of that name that is not null.
func (o object) has(name string) bool {
	raw, ok := o.fields[name]
	return ok && string(raw) != "null"
}

// kind is the value of the field "type".
func (o object) kind() (string, error) {
	if !o.has("type") {
		return "", faultf(o.field, "type is missing")
	}
	var kind string
	if err := json.Unmarshal(o.fields["type"], &kind); err != nil {
		return "", jsonFault(join(o.field, "type"), err, len(o.fields["type"]))
	}
	return kind, nil
}

// unsupported is the error for an object of an unknown kind.
func (o object) unsupported(kind string) error {
	return faultf(o.field, "type %q is %w", kind, ErrUnsupported)
}

// read puts the object's fields into dst, a pointer to a struct. All required
// ones must be there, and none but these, the optional ones and "type": what is
// not read might mean something.
func (o object) read(dst any, required []string, optional ...string) error {
	for _, name := range required {
		if !o.has(name) {
			return faultf(o.field, "%s is missing", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(o.fields)) {
		if name != "type" && !slices.Contains(required, name) && !slices.Contains(optional, name) {
			return faultf(join(o.field, name), "this field is %w", ErrUnsupported)
		}
	}
	if err := json.Unmarshal(o.raw, dst); err != nil {
		return jsonFault(o.field, err, len(o.raw))
	}
	return nil
}

// list reads the JSON array of objects under name. A missing or null one is an
// error.
func (o object) list(name string) ([]object, error) {
	if !o.has(name) {
		return nil, faultf(o.field, "%s is missing", name)
	}
	field, raw := join(o.field, name), o.fields[name]
	var raws []json.RawMessage
	if err := json.Unmarshal(raw, &raws); err != nil {
		return nil, jsonFault(field, err, len(raw))
	}
	objects := make([]object, len(raws))
	for i, raw := range raws {
		var err error
		if objects[i], err = newObject(fmt.Sprintf("%s[%d]", field, i), raw); err != nil {
			return nil, err
		}
	}
	return objects, nil
}

// sequence reads an object that holds parts in the array under name, and nothing else.
func (o object) sequence(name string, read func(part object) error) error {
	parts, err := o.list(name)
	if err != nil {
		return err
	}
	for _, part := range parts {
		if err := read(part); err != nil {
			return err
		}
	}
	return o.read(&struct{}{}, []string{name})
}
