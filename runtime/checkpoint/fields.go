package checkpoint

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
)

// fields reads config.json, or an object within it, one field at a time and gathers
// every fault, so that a reader of the whole file reports all of them at once.
type fields struct {
	file   string
	within string // names of the objects around, each with a dot behind it
	raw    map[string]json.RawMessage
	faults *faults
}

// faults are those of a whole file.
type faults struct {
	list []error
	of   map[string]bool // fields that have one
}

// newFields reads the file of that path.
func newFields(path string) *fields {
	return &fields{file: path, faults: &faults{of: make(map[string]bool)}}
}

// decode takes the text of the file and tells whether it is an object.
func (f *fields) decode(data []byte) bool {
	err := json.Unmarshal(data, &f.raw)
	if err != nil {
		f.fault("not a JSON object: %w", err)
	}
	return err == nil
}

// maxDim bounds every size in a config: larger ones are absurd.
const maxDim = 1 << 24

// fault notes a fault that is no single field's.
func (f *fields) fault(format string, args ...any) {
	f.faults.list = append(f.faults.list, &Error{File: f.file, Err: fmt.Errorf(format, args...)})
}

// refuse notes a field's first fault: what follows from a fault is none of its own.
func (f *fields) refuse(name, format string, args ...any) {
	if f.sound(name) {
		f.faults.of[f.name(name)] = true
		f.fault("field %q %s", f.name(name), fmt.Sprintf(format, args...))
	}
}

// sound tells whether no fault was found in any of the fields.
func (f *fields) sound(names ...string) bool {
	for _, name := range names {
		if f.faults.of[f.name(name)] {
			return false
		}
	}
	return true
}

func (f *fields) err() error { return errors.Join(f.faults.list...) }

// name is a field's name as errors give it.
func (f *fields) name(field string) string { return f.within + field }

// has tells whether a field is there and not null.
func (f *fields) has(name string) bool {
	raw, ok := f.raw[name]
	return ok && string(raw) != "null"
}

// assume gives a field that is not there the value that transformers, or the family's own code, has for it. One that is null stays so.
func (f *fields) assume(name, value string) {
	if _, there := f.raw[name]; !there {
		f.raw[name] = json.RawMessage(value)
	}
}

// read decodes a field into v and tells whether it could.
func (f *fields) read(name string, v any) bool {
	if !f.has(name) {
		f.refuse(name, "is missing")
		return false
	}
	if err := json.Unmarshal(f.raw[name], v); err != nil {
		f.refuse(name, "is %s, which is not of the right type", abridged(f.raw[name]))
		return false
	}
	return true
}

// object reads a field that holds fields of its own; none if it is missing.
func (f *fields) object(name string) *fields {
	o := &fields{file: f.file, within: f.name(name) + ".", faults: f.faults}
	if f.has(name) {
		f.read(name, &o.raw)
	}
	return o
}

// integer reads an integer from least to maxDim; least stands for one that is not.
func (f *fields) integer(name string, least int) int {
	var v float64
	if !f.read(name, &v) {
		return least
	}
	if v != math.Trunc(v) || v < float64(least) || v > maxDim {
		f.refuse(name, "is %s, want an integer from %d to %d", abridged(f.raw[name]), least, maxDim)
		return least
	}
	return int(v)
}

// size reads a positive integer.
func (f *fields) size(name string) int { return f.integer(name, 1) }

// sizeOr reads a positive integer that may be missing.
func (f *fields) sizeOr(name string, missing int) int {
	if !f.has(name) {
		return missing
	}
	return f.size(name)
}

// countOr reads an integer that is not negative and may be missing.
func (f *fields) countOr(name string, missing int) int {
	if !f.has(name) {
		return missing
	}
	return f.integer(name, 0)
}

// positive reads a number above 0; 1 stands for one that is not.
func (f *fields) positive(name string) float64 {
	var v float64
	if !f.read(name, &v) {
		return 1
	}
	if !(v > 0 && v <= math.MaxFloat32) {
		f.refuse(name, "is %s, want a positive number", abridged(f.raw[name]))
		return 1
	}
	return v
}

// positiveOr reads a number above 0 that may be missing.
func (f *fields) positiveOr(name string, missing float64) float64 {
	if !f.has(name) {
		return missing
	}
	return f.positive(name)
}

// boolOr reads a truth value that may be missing.
func (f *fields) boolOr(name string, missing bool) bool {
	if !f.has(name) {
		return missing
	}
	f.read(name, &missing)
	return missing
}

// textOr reads a string that may be missing.
func (f *fields) textOr(name, missing string) string {
	if !f.has(name) {
		return missing
	}
	f.read(name, &missing)
	return missing
}

func abridged(raw json.RawMessage) string {
	const most = 40
	if len(raw) > most {
		return string(raw[:most]) + "…"
	}
	return string(raw)
}
