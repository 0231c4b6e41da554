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
	faults *[]error // of the whole file
}

// maxDim bounds every size in a config: larger ones are absurd.
const maxDim = 1 << 24

// fault notes a fault, once if the same field is read again.
func (f *fields) fault(format string, args ...any) {
	fault := &Error{File: f.file, Err: fmt.Errorf(format, args...)}
	for _, known := range *f.faults {
		if known.Error() == fault.Error() {
			return
		}
	}
	*f.faults = append(*f.faults, fault)
}

func (f *fields) err() error { return errors.Join(*f.faults...) }

// name is a field's name as errors give it.
func (f *fields) name(field string) string { return f.within + field }

// has tells whether a field is there and not null.
func (f *fields) has(name string) bool {
	raw, ok := f.raw[name]
	return ok && string(raw) != "null"
}

// assume gives a field that is missing the value that the family's own code has for it.
func (f *fields) assume(name, value string) {
	if !f.has(name) {
		f.raw[name] = json.RawMessage(value)
	}
}

// read decodes a field into v and tells whether it could.
func (f *fields) read(name string, v any) bool {
	if !f.has(name) {
		f.fault("field %q is missing", f.name(name))
		return false
	}
	if err := json.Unmarshal(f.raw[name], v); err != nil {
		f.fault("field %q: %s is not of the right type", f.name(name), abridged(f.raw[name]))
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
		f.fault("field %q is %s, want an integer from %d to %d", f.name(name), abridged(f.raw[name]), least, maxDim)
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
		f.fault("field %q is %s, want a positive number", f.name(name), abridged(f.raw[name]))
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
