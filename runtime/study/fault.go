package study

import (
	"fmt"
	"slices"
	"strings"
)

// Fault is what is wrong with one field of a definition.
type Fault struct {
	Field string // its YAML key
	Index int    // which value of a list, from 0; -1: the field as a whole
	Text  string
}

// Error names the field.
func (f Fault) Error() string { return f.Path() + ": " + f.Text }

// Path is the field, and which value of its list.
func (f Fault) Path() string {
	if f.Index < 0 {
		return f.Field
	}
	return fmt.Sprintf("%s[%d]", f.Field, f.Index)
}

// faults gathers.
type faults []Fault

// scalar takes the fault of a field that is no list; an empty text is none.
func (f *faults) scalar(field, text string) {
	if text != "" {
		*f = append(*f, Fault{field, -1, text})
	}
}

// check looks at every value of an axis: there is one, none twice, each sound by itself.
func check[T comparable](f *faults, field string, axis []T, fault func(T) string) {
	if len(axis) == 0 {
		f.scalar(field, "the list is empty, want one value or more")
	}
	first := map[T]int{}
	for i, v := range axis {
		if text := fault(v); text != "" {
			*f = append(*f, Fault{field, i, text})
		} else if at, twice := first[v]; twice {
			*f = append(*f, Fault{field, i, fmt.Sprintf("%v is there already, as value %d", v, at)})
		} else {
			first[v] = i
		}
	}
}

// within accepts from least to most.
func within(least, most int) func(int) string {
	return func(v int) string {
		if v > most {
			return fmt.Sprintf("%d, want at most %d", v, most)
		}
		return atLeast(least)(v)
	}
}

func atLeast(least int) func(int) string {
	return func(v int) string {
		if v < least {
			return fmt.Sprintf("%d, want %d or more", v, least)
		}
		return ""
	}
}

func oneOf(names ...string) func(string) string {
	return func(v string) string {
		if !slices.Contains(names, v) {
			return fmt.Sprintf("%q, want %s", v, strings.Join(names, " or "))
		}
		return ""
	}
}

func nonEmpty(v string) string {
	if v == "" {
		return "the name is empty"
	}
	return ""
}

// parsed makes a check of a parser: its error says what is wanted.
func parsed[T any](parse func(string) (T, error)) func(string) string {
	return func(v string) string {
		if _, err := parse(v); err != nil {
			return err.Error()
		}
		return ""
	}
}
