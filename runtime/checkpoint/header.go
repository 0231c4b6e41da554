package checkpoint

import (
	"cmp"
	"fmt"
	"slices"
)

// The layout of a safetensors file: 8 bytes of header length, little-endian;
// the header; the data of all tensors.
const (
	lengthSize  = 8
	maxHeader   = 100_000_000 // bytes, the official library's limit
	metadataKey = "__metadata__"
)

// header is what the JSON text of a safetensors file declares.
type header struct {
	metadata map[string]string
	entries  []entry // in the order of their data
}

// entry declares one tensor. Its data are bytes begin to end-1 of the file's data.
type entry struct {
	name       string
	dtype      DType
	shape      []int
	begin, end int
}

// parseHeader reads the JSON text of a header and checks all it says against
// itself and against dataSize, the number of bytes that follow it. The data of
// the tensors must cover these bytes exactly, without overlaps and holes, as
// the official library (github.com/huggingface/safetensors) demands.
func parseHeader(file string, text []byte, dataSize int) (header, error) {
	h, err := readHeader(text)
	if err != nil {
		return header{}, fileError(file, err)
	}
	slices.SortFunc(h.entries, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.begin, b.begin), cmp.Compare(a.end, b.end), cmp.Compare(a.name, b.name))
	})
	for _, e := range h.entries {
		if err := e.check(dataSize); err != nil {
			return header{}, &Error{File: file, Tensor: e.name, Err: err}
		}
	}
	if err := checkCover(h.entries, dataSize); err != nil {
		return header{}, fileError(file, err)
	}
	return h, nil
}

// readHeader reads the syntax. Its errors do not name the file.
func readHeader(text []byte) (header, error) {
	var h header
	if len(text) == 0 || text[0] != '{' {
		return h, fmt.Errorf("header starts with %q, want an object (not a safetensors file?)", text[:min(1, len(text))])
	}
	r, err := newJSONReader(text)
	if err != nil {
		return h, fmt.Errorf("header: %w", err)
	}
	err = r.object(func(name string) (err error) {
		if name == metadataKey {
			h.metadata, err = r.strings(metadataKey)
			return err
		}
		e, err := readEntry(r)
		if err != nil {
			return &Error{Tensor: name, Err: err}
		}
		e.name = name
		h.entries = append(h.entries, e)
		return nil
	})
	if err == nil {
		err = r.end()
	}
	if err != nil {
		return h, fmt.Errorf("header: %w", err)
	}
	return h, nil
}

// readEntry reads the object that declares one tensor. Fields that are not
// known are passed over, as the official library does.
func readEntry(r *jsonReader) (entry, error) {
	var e entry
	var offsets []int
	fields := make(map[string]bool)
	err := r.object(func(name string) (err error) {
		fields[name] = true
		switch name {
		case "dtype":
			var dtype string
			dtype, err = r.string("dtype")
			e.dtype = DType(dtype)
		case "shape":
			e.shape, err = r.integers("shape")
		case "data_offsets":
			offsets, err = r.integers("data_offsets")
		default:
			err = r.skip()
		}
		return err
	})
	if err != nil {
		return e, err
	}
	for _, name := range []string{"dtype", "shape", "data_offsets"} {
		if !fields[name] {
			return e, fmt.Errorf("%s is missing", name)
		}
	}
	if len(offsets) != 2 {
		return e, fmt.Errorf("data_offsets has %d numbers, want 2", len(offsets))
	}
	e.begin, e.end = offsets[0], offsets[1]
	return e, nil
}

// check finds the faults of one entry by itself.
func (e entry) check(dataSize int) error {
	if e.dtype.Size() == 0 {
		return fmt.Errorf("dtype %q is not known", e.dtype)
	}
	if e.begin > e.end {
		return fmt.Errorf("data_offsets begin %d exceeds end %d", e.begin, e.end)
	}
	if e.end > dataSize {
		return fmt.Errorf("data_offsets end %d exceeds the file's data of %d bytes (file truncated?)", e.end, dataSize)
	}
	size, err := byteSize(e.dtype, e.shape)
	if err != nil {
		return err
	}
	if size != e.end-e.begin {
		return fmt.Errorf("data_offsets [%d %d] hold %d bytes, shape %v of %s needs %d",
			e.begin, e.end, e.end-e.begin, e.shape, e.dtype, size)
	}
	return nil
}

// checkCover checks that entries, in the order of their data, follow each other
// from 0 to dataSize.
func checkCover(entries []entry, dataSize int) error {
	end, before := 0, "the data starts"
	for _, e := range entries {
		if e.begin != end {
			fault := "hole"
			if e.begin < end {
				fault = "overlap"
			}
			return &Error{Tensor: e.name,
				Err: fmt.Errorf("data_offsets begin %d, but %s at %d (%s)", e.begin, before, end, fault)}
		}
		end, before = e.end, fmt.Sprintf("tensor %q ends", e.name)
	}
	if end != dataSize {
		return fmt.Errorf("the tensors end at %d, the file's data at %d (hole)", end, dataSize)
	}
	return nil
}
