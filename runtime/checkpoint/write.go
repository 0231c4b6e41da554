package checkpoint

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io/fs"
	"math"

	"capmoe/runtime/durable"
)

// Spec declares a tensor to be written.
type Spec struct {
	Name  string
	DType DType
	Shape []int // empty for a scalar
}

// Writer writes one safetensors file in a stream. Tensors are declared first;
// then their data are appended in the same order, in pieces of any size. Until
// Close succeeds nothing is under the final name but what was there before.
// After the first error every call returns that error.
//
//	w, err := checkpoint.Create(path, nil, specs)
//	if err != nil {
//		return err
//	}
//	defer w.Abort()
//	for _, row := range rows {
//		if err := w.AppendFloat32("logits", row); err != nil {
//			return err
//		}
//	}
//	return w.Close()
type Writer struct {
	file    *durable.File
	out     *bufio.Writer
	entries []entry
	next    int // entries[next] is being written
	written int // bytes of data so far, of all entries
	scratch [1 << 14]byte
	err     error
}

// Create starts a file at path. metadata is free text, or nil; the transformers
// library loads files with {"format": "pt"} only. Nothing is created if OpenFile
// would refuse a file of these tensors.
func Create(path string, metadata map[string]string, specs []Spec) (*Writer, error) {
	start, entries, err := beginning(metadata, specs)
	if err != nil {
		return nil, fileError(path, err)
	}
	file, err := durable.Create(path)
	if err != nil {
		return nil, fileError(path, err)
	}
	w := &Writer{file: file, out: bufio.NewWriterSize(file, 1<<20), entries: entries}
	if err := w.write(start); err != nil {
		w.Abort()
		return nil, err
	}
	return w, nil
}

// beginning is the first bytes of a file, and what it declares.
func beginning(metadata map[string]string, specs []Spec) ([]byte, []entry, error) {
	entries, size, err := layOut(specs)
	if err != nil {
		return nil, nil, err
	}
	start, err := encodeHeader(header{metadata, entries})
	if err != nil {
		return nil, nil, err
	}
	_, err = parseHeader("", start[lengthSize:], size)
	return start, entries, err
}

// Append writes the next bytes of a tensor, row-major and little-endian.
func (w *Writer) Append(name string, data []byte) error {
	if err := w.advance(name, len(data)); err != nil {
		return err
	}
	return w.write(data)
}

// AppendFloat32 writes the next elements of a tensor of dtype F32.
func (w *Writer) AppendFloat32(name string, values []float32) error {
	return appendWords(w, name, F32, values, math.Float32bits)
}

// AppendInt32 writes the next elements of a tensor of dtype I32.
func (w *Writer) AppendInt32(name string, values []int32) error {
	return appendWords(w, name, I32, values, func(v int32) uint32 { return uint32(v) })
}

// appendWords writes elements of 4 bytes.
func appendWords[T float32 | int32](w *Writer, name string, dtype DType, values []T, bits func(T) uint32) error {
	if err := w.advance(name, 4*len(values)); err != nil {
		return err
	}
	if d := w.entries[w.next].dtype; d != dtype {
		return w.fail(name, fmt.Errorf("dtype %s, %s values appended", d, dtype))
	}
	for len(values) > 0 {
		n := min(len(values), len(w.scratch)/4)
		for i, v := range values[:n] {
			binary.LittleEndian.PutUint32(w.scratch[4*i:], bits(v))
		}
		if err := w.write(w.scratch[:4*n]); err != nil {
			return err
		}
		values = values[n:]
	}
	return nil
}

// Close brings the file to disk and gives it its name. Tensors without all
// their data are an error, and then, as after any error, no file is left.
func (w *Writer) Close() error {
	err := w.err
	if err == nil {
		err = w.finish()
	}
	w.Abort()
	return err
}

// Abort gives up and leaves no file. After Close it does nothing, so that it
// can be deferred.
func (w *Writer) Abort() {
	w.file.Discard()
	if w.err == nil {
		w.fail("", fs.ErrClosed)
	}
}

// advance accounts for n more bytes of tensor name.
func (w *Writer) advance(name string, n int) error {
	if w.err != nil {
		return w.err
	}
	for w.next < len(w.entries) && w.entries[w.next].name != name && w.written == w.entries[w.next].end {
		w.next++
	}
	if w.next == len(w.entries) {
		return w.fail(name, fmt.Errorf("%d bytes appended after the last of %d tensors", n, len(w.entries)))
	}
	e := w.entries[w.next]
	if e.name != name {
		return w.fail(name, fmt.Errorf("%d bytes appended while tensor %q has %d of %d", n, e.name, w.written-e.begin, e.end-e.begin))
	}
	if n > e.end-w.written {
		return w.fail(name, fmt.Errorf("%d bytes appended after %d, shape %v of %s has %d", n, w.written-e.begin, e.shape, e.dtype, e.end-e.begin))
	}
	w.written += n
	return nil
}

func (w *Writer) write(data []byte) error {
	if _, err := w.out.Write(data); err != nil {
		return w.fail("", err)
	}
	return nil
}

func (w *Writer) finish() error {
	for _, e := range w.entries {
		if w.written < e.end {
			return w.fail(e.name, fmt.Errorf("closed after %d of %d bytes", w.written-e.begin, e.end-e.begin))
		}
	}
	if err := w.out.Flush(); err != nil {
		return w.fail("", err)
	}
	if err := w.file.Commit(); err != nil {
		return w.fail("", err)
	}
	return nil
}

// fail keeps the first error, which is about a tensor or, with "", the file.
func (w *Writer) fail(tensor string, err error) error {
	fault := fileError(w.file.Path(), err)
	fault.Tensor = tensor
	w.err = fault
	return fault
}
