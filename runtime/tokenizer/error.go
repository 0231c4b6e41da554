package tokenizer

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
)

// ErrUnsupported is what an error wraps when a file uses a part of the
// tokenizer.json format that this package does not have.
var ErrUnsupported = errors.New("not supported")

// Error is a fault of a tokenizer file. Every error of Load and Parse is one;
// test with errors.As. Faults of the operating system stay in the chain.
type Error struct {
	File  string // the path as the caller gave it, "" from Parse
	Field string // as in "model.merges[7]", "" where the fault is the whole file's
	Err   error  // the fact
}

// Error is one line: tokenizer: FILE: FIELD: FACT.
func (e *Error) Error() string {
	text := "tokenizer: "
	if e.File != "" {
		text += e.File + ": "
	}
	if e.Field != "" {
		text += e.Field + ": "
	}
	return text + e.Err.Error()
}

// Unwrap returns the fact.
func (e *Error) Unwrap() error { return e.Err }

// UTF8Error says that a text is not UTF-8.
type UTF8Error struct {
	Offset int  // of the first byte that belongs to no character
	Byte   byte // that byte
	Size   int  // bytes in the text
}

// Error gives the byte, where it is and the size of the text.
func (e *UTF8Error) Error() string {
	return fmt.Sprintf("not UTF-8: byte 0x%02x at offset %d of %d", e.Byte, e.Offset, e.Size)
}

// faultf is an Error of a field.
func faultf(field, format string, args ...any) error {
	return &Error{Field: field, Err: fmt.Errorf(format, args...)}
}

// jsonFault puts an error of encoding/json over size bytes into the words of
// the file instead of Go's.
func jsonFault(field string, err error, size int) error {
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return faultf(field, "%w (at byte %d of %d)", err, syntax.Offset, size)
	}
	if kind, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		if kind.Field != "" {
			field = join(field, kind.Field)
		}
		return faultf(field, "holds a JSON %s, want %s", kind.Value, jsonName(kind.Type))
	}
	return &Error{Field: field, Err: err}
}

// jsonName is what JSON calls the values of a Go type.
func jsonName(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Map, reflect.Struct:
		return "object"
	case reflect.Slice, reflect.Array:
		return "array"
	case reflect.Int, reflect.Int64:
		return "whole number"
	case reflect.Float64:
		return "number"
	}
	return t.Kind().String()
}

// join is the path of a field within a field.
func join(field, name string) string {
	if field == "" {
		return name
	}
	return field + "." + name
}
