package checkpoint

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
)

// fields reads config.json one field at a time and gathers every fault, so that a
// reader of the whole file reports all of them at once.
type fields struct {
	file   string
	raw    map[string]json.RawMessage
	faults []error
}

// maxDim bounds every size in a config: larger ones are absurd.
const maxDim = 1 << 24

func (f *fields) fault(format string, args ...any) {
	f.faults = append(f.faults, &Error{File: f.file, Err: fmt.Errorf(format, args...)})
}

func (f *fields) err() error { return errors.Join(f.faults...) }

// has tells whether a field is there and not null.
func (f *fields) has(name string) bool {
	raw, ok := f.raw[name]
	return ok && string(raw) != "null"
}

// read decodes a field into v and tells whether it could.
func (f *fields) read(name string, v any) bool {
	if !f.has(name) {
		f.fault("field %q is missing", name)
		return false
	}
	if err := json.Unmarshal(f.raw[name], v); err != nil {
		f.fault("field %q: %s is not of the right type", name, abridged(f.raw[name]))
		return false
	}
	return true
}

// size reads a positive integer.
func (f *fields) size(name string) int {
	var v float64
	if !f.read(name, &v) {
		return 1
	}
	if v != math.Trunc(v) || v < 1 || v > maxDim {
		f.fault("field %q is %s, want an integer from 1 to %d", name, abridged(f.raw[name]), maxDim)
		return 1
	}
	return int(v)
}

// sizeOr reads a positive integer that may be missing.
func (f *fields) sizeOr(name string, missing int) int {
	if !f.has(name) {
		return missing
	}
	return f.size(name)
}

// positive reads a number above 0.
func (f *fields) positive(name string) float64 {
	var v float64
	if f.read(name, &v) && !(v > 0 && v <= math.MaxFloat32) {
		f.fault("field %q is %s, want a positive number", name, abridged(f.raw[name]))
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

// atMost faults unless a ≤ b, both named.
func (f *fields) atMost(nameA string, a int, nameB string, b int) {
	if a > b {
		f.fault("field %q is %d, more than %q %d", nameA, a, nameB, b)
	}
}

// divides faults unless part divides whole, both named.
func (f *fields) divides(nameWhole string, whole int, namePart string, part int) {
	if whole%part != 0 {
		f.fault("field %q %d does not divide by %q %d", nameWhole, whole, namePart, part)
	}
}

// only faults where a field has another value than the one the family supports.
func (f *fields) only(name, supported string) {
	if got := f.textOr(name, supported); got != supported {
		f.fault("field %q is %q, only %q is supported", name, got, supported)
	}
}

// absent faults where a feature that is not supported is asked for.
func (f *fields) absent(name string) {
	if f.has(name) {
		f.fault("field %q is %s, which is not supported", name, abridged(f.raw[name]))
	}
}

func abridged(raw json.RawMessage) string {
	const most = 40
	if len(raw) > most {
		return string(raw[:most]) + "…"
	}
	return string(raw)
}
