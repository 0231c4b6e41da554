package checkpoint

import (
	"slices"
	"strings"
)

// atMost refuses a unless a ≤ b, both named and sound.
func (f *fields) atMost(nameA string, a int, nameB string, b int) {
	if f.sound(nameA, nameB) && a > b {
		f.refuse(nameA, "is %d, more than %q %d", a, f.name(nameB), b)
	}
}

// divides refuses whole unless part divides it, both named and sound.
func (f *fields) divides(nameWhole string, whole int, namePart string, part int) {
	if f.sound(nameWhole, namePart) && whole%part != 0 {
		f.refuse(nameWhole, "is %d, which does not divide by %q %d", whole, f.name(namePart), part)
	}
}

// even refuses an odd width: rotary embedding turns pairs.
func (f *fields) even(name string, n int) {
	if f.sound(name) && n%2 != 0 {
		f.refuse(name, "is %d, want an even number: rotary embedding turns pairs", n)
	}
}

// oneOf reads a string that may be missing and has one of the supported values; "" for
// one that has not.
func (f *fields) oneOf(name, missing string, supported ...string) string {
	got := f.textOr(name, missing)
	if !slices.Contains(supported, got) {
		f.refuse(name, "is %q, supported: %s", got, strings.Join(supported, ", "))
		return ""
	}
	return got
}

// only refuses another value than the one that is supported.
func (f *fields) only(name, supported string) { f.oneOf(name, supported, supported) }

// there refuses a config without a field, which may be null.
func (f *fields) there(name string) {
	if _, there := f.raw[name]; !there {
		f.refuse(name, "is missing, want a value or null")
	}
}

// not refuses a feature that is on and not supported.
func (f *fields) not(name string) {
	if f.boolOr(name, false) {
		f.refuse(name, "is true, which is not supported")
	}
}
