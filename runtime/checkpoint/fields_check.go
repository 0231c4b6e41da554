package checkpoint

import (
	"slices"
	"strings"
)

// atMost faults unless a ≤ b, both named.
func (f *fields) atMost(nameA string, a int, nameB string, b int) {
	if a > b {
		f.fault("field %q is %d, more than %q %d", f.name(nameA), a, f.name(nameB), b)
	}
}

// divides faults unless part divides whole, both named.
func (f *fields) divides(nameWhole string, whole int, namePart string, part int) {
	if whole%part != 0 {
		f.fault("field %q %d does not divide by %q %d", f.name(nameWhole), whole, f.name(namePart), part)
	}
}

// even faults unless n is even: rotary embedding turns pairs of elements.
func (f *fields) even(name string, n int) {
	if n%2 != 0 {
		f.fault("field %q is %d, want an even number: rotary embedding turns pairs", f.name(name), n)
	}
}

// oneOf reads a string that may be missing and has one of the supported values, the
// first of which stands for one that has not.
func (f *fields) oneOf(name, missing string, supported ...string) string {
	got := f.textOr(name, missing)
	if !slices.Contains(supported, got) {
		f.fault("field %q is %q, supported: %s", f.name(name), got, strings.Join(supported, ", "))
		return supported[0]
	}
	return got
}

// only faults where a field has another value than the one that is supported.
func (f *fields) only(name, supported string) { f.oneOf(name, supported, supported) }

// not faults where a feature that is not supported is on.
func (f *fields) not(name string) {
	if f.boolOr(name, false) {
		f.fault("field %q is true, which is not supported", f.name(name))
	}
}
