package checkpoint

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"unicode/utf8"
)

// jsonReader walks a JSON text value by value. Decoding into structs would
// keep the last of two equal names, match names in any case, and take null for
// zero; in a file that may lie, these are faults. Memory stays in proportion to
// the text.
type jsonReader struct{ dec *json.Decoder }

// newJSONReader starts at the beginning of text, which is one JSON value.
func newJSONReader(text []byte) (*jsonReader, error) {
	if !utf8.Valid(text) {
		return nil, errors.New("not UTF-8")
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	return &jsonReader{dec}, nil
}

// object reads one object. member is called with each name and reads its value.
func (r *jsonReader) object(member func(name string) error) error {
	if err := r.delimiter('{', "an object"); err != nil {
		return err
	}
	seen := make(map[string]bool)
	for r.dec.More() {
		token, err := r.token()
		if err != nil {
			return err
		}
		name := token.(string)
		if seen[name] {
			return r.fault("%q is named twice", name)
		}
		seen[name] = true
		if err := member(name); err != nil {
			return err
		}
	}
	_, err := r.token()
	return err
}

// integers reads a list of integers, none negative. what names it in errors.
func (r *jsonReader) integers(what string) ([]int, error) {
	if err := r.delimiter('[', "a list for "+what); err != nil {
		return nil, err
	}
	var list []int
	for r.dec.More() {
		token, err := r.token()
		if err != nil {
			return nil, err
		}
		number, _ := token.(json.Number)
		n, err := strconv.Atoi(number.String())
		if err != nil || n < 0 {
			return nil, fmt.Errorf("%s[%d] is %v, want an integer from 0 to %d", what, len(list), show(token), math.MaxInt)
		}
		list = append(list, n)
	}
	_, err := r.token()
	return list, err
}

// strings reads an object whose values are all strings. what names it in errors.
func (r *jsonReader) strings(what string) (map[string]string, error) {
	values := make(map[string]string)
	err := r.object(func(name string) (err error) {
		values[name], err = r.string(what + " " + strconv.Quote(name))
		return err
	})
	return values, err
}

// string reads one string. what names it in errors.
func (r *jsonReader) string(what string) (string, error) {
	token, err := r.token()
	if err != nil {
		return "", err
	}
	s, ok := token.(string)
	if !ok {
		return "", fmt.Errorf("%s is %v, want a string", what, show(token))
	}
	return s, nil
}

// skip passes over one value.
func (r *jsonReader) skip() error {
	var value json.RawMessage
	if err := r.dec.Decode(&value); err != nil {
		return r.fault("%w", err)
	}
	return nil
}

// end checks that nothing but white space is left.
func (r *jsonReader) end() error {
	if token, err := r.dec.Token(); err != io.EOF {
		return r.fault("%v after the end of the object", show(token))
	}
	return nil
}

// delimiter reads the bracket that starts what.
func (r *jsonReader) delimiter(want json.Delim, what string) error {
	token, err := r.token()
	if err != nil {
		return err
	}
	if token != want {
		return r.fault("%v, want %s", show(token), what)
	}
	return nil
}

func (r *jsonReader) token() (json.Token, error) {
	token, err := r.dec.Token()
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return nil, r.fault("the text ends early")
	}
	if err != nil {
		return nil, r.fault("%w", err)
	}
	return token, nil
}

// fault is an error at the current place of the text.
func (r *jsonReader) fault(format string, args ...any) error {
	return fmt.Errorf("byte %d: %w", r.dec.InputOffset(), fmt.Errorf(format, args...))
}

// show is a token as JSON spells it.
func show(token json.Token) json.Token {
	switch value := token.(type) {
	case nil:
		return "null"
	case string:
		return strconv.Quote(value)
	}
	return token
}
