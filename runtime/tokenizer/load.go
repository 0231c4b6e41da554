package tokenizer

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// formatVersion is the one version of tokenizer.json there has been.
const formatVersion = "1.0"

// Load reads a tokenizer.json.
func Load(path string) (*Tokenizer, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		if fault, ok := errors.AsType[*fs.PathError](err); ok {
			err = fmt.Errorf("%s: %w", fault.Op, fault.Err)
		}
		return nil, &Error{File: path, Err: err}
	}
	return parse(path, data)
}

// Parse reads the content of a tokenizer.json.
func Parse(data []byte) (*Tokenizer, error) { return parse("", data) }

// parse puts errors down to file.
func parse(file string, data []byte) (*Tokenizer, error) {
	t, err := newTokenizer(data)
	if err == nil {
		return t, nil
	}
	fault, ok := errors.AsType[*Error](err)
	if !ok {
		fault = &Error{Err: err}
	}
	fault.File = file
	return nil, fault
}

// newFile reads the top level and checks that it is known.
func newFile(data []byte) (object, error) {
	if err := CheckUTF8(data); err != nil {
		return object{}, err
	}
	o, err := newObject("", data)
	if err != nil {
		return o, err
	}
	f := struct {
		Version string `json:"version"`
	}{formatVersion}
	err = o.read(&f, []string{"model"}, "version", "truncation", "padding", "added_tokens",
		"normalizer", "pre_tokenizer", "post_processor", "decoder")
	if err == nil && f.Version != formatVersion {
		err = faultf("version", "%q is %w, want %q", f.Version, ErrUnsupported, formatVersion)
	}
	return o, err
}

func newTokenizer(data []byte) (*Tokenizer, error) {
	o, err := newFile(data)
	if err != nil {
		return nil, err
	}
	t := &Tokenizer{}
	if t.model, err = part(o, "model", nil, newBPE); err != nil {
		return nil, err
	}
	if t.normalizer, err = part(o, "normalizer", normalizer(normalizers{}), newNormalizer); err != nil {
		return nil, err
	}
	var list []object
	if o.has("added_tokens") {
		if list, err = o.list("added_tokens"); err != nil {
			return nil, err
		}
	}
	if t.added, err = readAdded(list, t.model.vocabulary, t.normalizer); err != nil {
		return nil, err
	}
	if t.preTokenizers, err = part(o, "pre_tokenizer", nil, appending(newPreTokenizers)); err != nil {
		return nil, err
	}
	if t.template, err = part(o, "post_processor", nil, newTemplate); err != nil {
		return nil, err
	}
	if t.stages, err = part(o, "decoder", []stage{spaceStage{}}, appending(newStages)); err != nil {
		return nil, err
	}
	t.stages = incremental(t.stages)
	t.size = t.vocabSize()
	return t, nil
}

// part reads the object under name, or gives absent if there is none.
func part[T any](o object, name string, absent T, read func(object) (T, error)) (T, error) {
	if !o.has(name) {
		return absent, nil
	}
	p, err := newObject(name, json.RawMessage(o.fields[name]))
	if err != nil {
		return absent, err
	}
	return read(p)
}

// appending starts a list from nothing.
func appending[T any](add func([]T, object) ([]T, error)) func(object) ([]T, error) {
	return func(o object) ([]T, error) { return add(nil, o) }
}

// vocabSize is one more than the largest id.
func (t *Tokenizer) vocabSize() int {
	size := int32(0)
	for id := range t.model.vocabulary.tokens {
		size = max(size, id+1)
	}
	for id := range t.added.byID {
		size = max(size, id+1)
	}
	return int(size)
}
