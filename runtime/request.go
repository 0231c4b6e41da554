package runtime

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"

	"capmoe/runtime/tokenizer"
)

// Request is one prompt and how it is continued.
type Request struct {
	ID        json.RawMessage `json:"id"`     // a JSON string, or an integer
	Tokens    []int32         `json:"tokens"` // the prompt
	MaxTokens int             `json:"max_tokens"`
	Sampling
	Stop []string `json:"stop"`
	Mark string   `json:"mark"` // of results that are asked for in the same way; empty: nobody looks
}

// Validate reports every fault that needs no model.
func (r Request) Validate() error {
	faults := []error{r.Sampling.Validate()}
	if r.MaxTokens < 1 {
		faults = append(faults, fmt.Errorf("max_tokens %d, want 1 or more", r.MaxTokens))
	}
	for _, s := range r.Stop {
		if s == "" {
			faults = append(faults, errors.New("a stop string is empty, want 1 byte or more"))
		}
	}
	return errors.Join(faults...)
}

// written is a request as a line of a file says it: with a text, or with tokens.
type written struct {
	Request
	text *string
	line int // in the file, from 1
}

// parseRequest reads one line of JSON. What it does not say is as in defaults.
func parseRequest(line []byte, defaults Request) (w written, err error) {
	if err := tokenizer.CheckJSON(line); err != nil {
		return w, err
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(line, &object); err != nil || object == nil {
		return w, jsonFault(err, "an object {\"prompt\": text, …}")
	}
	w.Request = defaults
	readers := w.readers()
	err = members(line, func(name string, raw json.RawMessage) error {
		if readers[name] == nil {
			return fmt.Errorf("unknown field %q", name)
		}
		if err := readers[name](raw); err != nil {
			return fmt.Errorf("field %q: %w", name, err)
		}
		return nil
	})
	if err != nil {
		return w, err
	}
	if (w.text == nil) == (w.Tokens == nil) {
		return w, errors.New(`want one of the fields "prompt" and "tokens"`)
	}
	return w, w.Validate()
}

// members gives the fields of a JSON object in their order, each once: a map would keep the last of two of a name.
func members(object []byte, read func(name string, raw json.RawMessage) error) error {
	dec := json.NewDecoder(bytes.NewReader(object))
	if _, err := dec.Token(); err != nil {
		return err
	}
	there := map[string]bool{}
	for dec.More() {
		token, err := dec.Token()
		if err != nil {
			return err
		}
		name, _ := token.(string)
		if there[name] {
			return fmt.Errorf("field %q is there twice", name)
		}
		there[name] = true
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return err
		}
		if err := read(name, raw); err != nil {
			return err
		}
	}
	return nil
}

// readers are what reads each field of a line.
func (w *written) readers() map[string]func(json.RawMessage) error {
	return map[string]func(json.RawMessage) error{
		"id":          func(raw json.RawMessage) (err error) { w.ID, err = parseID(raw); return err },
		"prompt":      func(raw json.RawMessage) error { return readField(&w.text, raw, "a text") },
		"tokens":      func(raw json.RawMessage) (err error) { w.Tokens, err = parseIDs(raw); return err },
		"max_tokens":  func(raw json.RawMessage) error { return readNumber(&w.MaxTokens, raw) },
		"temperature": func(raw json.RawMessage) error { return readNumber(&w.Temperature, raw) },
		"top_k":       func(raw json.RawMessage) error { return readNumber(&w.TopK, raw) },
		"top_p":       func(raw json.RawMessage) error { return readNumber(&w.TopP, raw) },
		"stop":        func(raw json.RawMessage) (err error) { w.Stop, err = parseStops(raw); return err },
		"seed": func(raw json.RawMessage) error {
			w.Stream = ownStream
			return readNumber(&w.Seed, raw)
		},
	}
}

// ownStream is the stream of requests that say their seed themselves.
const ownStream = math.MaxUint64

func readField[T any](dst **T, raw json.RawMessage, want string) error {
	if err := json.Unmarshal(raw, dst); err != nil || *dst == nil {
		return jsonFault(err, want)
	}
	return nil
}

func readNumber[T int | uint64 | float64](dst *T, raw json.RawMessage) error {
	want := "an integer"
	switch any(*dst).(type) {
	case float64:
		want = "a number"
	case uint64:
		want = "an integer from 0"
	}
	var v *T
	if err := readField(&v, raw, want); err != nil {
		return err
	}
	*dst = *v
	return nil
}

// parseID reads a request's id: a string or an integer.
func parseID(raw json.RawMessage) (json.RawMessage, error) {
	const want = "a string or an integer"
	if raw[0] == '"' {
		var text string
		if err := json.Unmarshal(raw, &text); err != nil {
			return nil, jsonFault(err, want)
		}
		return marshalID(text), nil
	}
	var n *int64
	if err := readField(&n, raw, want); err != nil {
		return nil, err
	}
	return marshalID(*n), nil
}

// marshalID is the one way in which an id is written.
func marshalID[T string | int64](id T) json.RawMessage {
	line, err := jsonLine(id)
	if err != nil {
		panic(err) // strings and integers can be written
	}
	return bytes.TrimSpace(line)
}

// jsonLine is v on a line, as it is: without escapes for HTML.
func jsonLine(v any) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(v)
	return b.Bytes(), err
}

// parseStops reads a stop string, or a list of them.
func parseStops(raw json.RawMessage) ([]string, error) {
	const want = "a text or a list of texts"
	if strings.HasPrefix(string(raw), `"`) {
		raw = append(append(json.RawMessage{'['}, raw...), ']')
	}
	var texts []*string
	if err := json.Unmarshal(raw, &texts); err != nil || texts == nil {
		return nil, jsonFault(err, want)
	}
	stops := make([]string, len(texts))
	for i, text := range texts {
		if text == nil {
			return nil, jsonFault(nil, want)
		}
		stops[i] = *text
	}
	return stops, nil
}
