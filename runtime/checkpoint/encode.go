package checkpoint

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"unicode/utf8"
)

// layOut places the data of tensors one behind the other, size bytes in all.
// Its errors do not name the file.
func layOut(specs []Spec) (entries []entry, size int, err error) {
	entries = make([]entry, len(specs))
	for i, s := range specs {
		n, err := s.size()
		if err == nil && n > math.MaxInt-size {
			err = fmt.Errorf("%d bytes after %d are more than %d", n, size, math.MaxInt)
		}
		if err != nil {
			return nil, 0, &Error{Tensor: s.Name, Err: err}
		}
		entries[i] = entry{s.Name, s.DType, append([]int{}, s.Shape...), size, size + n}
		size += n
	}
	return entries, size, nil
}

// size is the number of bytes of the tensor. An error says what the header
// could not express.
func (s Spec) size() (int, error) {
	if !utf8.ValidString(s.Name) {
		return 0, fmt.Errorf("the name is not UTF-8")
	}
	if s.Name == metadataKey {
		return 0, fmt.Errorf("the name is reserved")
	}
	for d, n := range s.Shape {
		if n < 0 {
			return 0, fmt.Errorf("shape[%d] is %d, want an integer from 0 to %d", d, n, math.MaxInt)
		}
	}
	return byteSize(s.DType, s.Shape)
}

// encodeHeader is the first bytes of a file, up to the data: the length of the
// header, and its text, padded with spaces so that the data start at a multiple
// of 8 bytes.
func encodeHeader(h header) ([]byte, error) {
	text := append(make([]byte, lengthSize), '{')
	member := func(name string, value any) error {
		key, err := json.Marshal(name)
		if err != nil {
			return err
		}
		encoded, err := json.Marshal(value)
		if err != nil {
			return err
		}
		if len(text) > lengthSize+1 {
			text = append(text, ',')
		}
		text = append(append(append(text, key...), ':'), encoded...)
		return nil
	}
	if h.metadata != nil {
		if err := member(metadataKey, h.metadata); err != nil {
			return nil, err
		}
	}
	for _, e := range h.entries {
		declared := struct {
			DType   DType  `json:"dtype"`
			Shape   []int  `json:"shape"`
			Offsets [2]int `json:"data_offsets"`
		}{e.dtype, e.shape, [2]int{e.begin, e.end}}
		if err := member(e.name, declared); err != nil {
			return nil, err
		}
	}
	text = append(text, '}')
	for len(text)%8 != 0 {
		text = append(text, ' ')
	}
	length := len(text) - lengthSize
	if length > maxHeader {
		return nil, fmt.Errorf("header length %d exceeds the limit of %d bytes", length, maxHeader)
	}
	binary.LittleEndian.PutUint64(text, uint64(length))
	return text, nil
}
