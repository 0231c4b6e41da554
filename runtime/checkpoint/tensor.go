package checkpoint

import (
	"fmt"
	"math"
	"slices"
)

// Tensor is one stored tensor, or some of its rows, as it lies in its file.
type Tensor struct {
	Name  string
	File  string // path of the file that holds it
	DType DType
	Shape []int  // empty for a scalar; shared, not to be changed
	Data  []byte // row-major, little-endian, at any alignment; read-only; valid until the file is closed

	row   int   // where Shape[0] starts in the stored tensor: errors speak of stored positions
	outer []int // the place in the stored tensor's dimensions before Shape
	first int   // the stored element that this place starts with
}

// Elements is the product of the shape: 1 for a scalar.
func (t Tensor) Elements() int { return product(t.Shape) }

// Rows is rows first to first+n-1 of t, along its first dimension, without a
// copy: a rank's part of the vocabulary, or its experts of a fused [E, ...]
// tensor. It panics if t has no such rows.
func (t Tensor) Rows(first, n int) Tensor {
	if len(t.Shape) == 0 || first < 0 || n < 0 || first > t.Shape[0]-n {
		panic(fmt.Sprintf("checkpoint: rows: %d rows from %d of tensor %q of shape %v", n, first, t.Name, t.Shape))
	}
	rowBytes := product(t.Shape[1:]) * t.DType.Size()
	t.Data = t.Data[first*rowBytes : (first+n)*rowBytes : (first+n)*rowBytes]
	t.Shape = slices.Clone(t.Shape)
	t.Shape[0] = n
	t.row += first
	return t
}

// Matrix is a single row of t without its first dimension: one expert's matrix of a
// fused [E, rows, columns] tensor. It panics if t has another number of rows.
func (t Tensor) Matrix() Tensor {
	if len(t.Shape) < 2 || t.Shape[0] != 1 {
		panic(fmt.Sprintf("checkpoint: matrix: tensor %q has shape %v, want one row", t.Name, t.Shape))
	}
	t.outer = append(slices.Clone(t.outer), t.row)
	t.first += t.row * product(t.Shape[1:])
	t.row, t.Shape = 0, t.Shape[1:]
	return t
}

// Expect returns an error unless t has the given shape. dims says in words what
// the shape is made of, or is empty:
//
//	err := router.Expect("num_experts × hidden_size", experts, hidden)
//
//	checkpoint: model.safetensors: tensor "mlp.gate.weight": shape [4 64], want [16 64] (num_experts × hidden_size)
func (t Tensor) Expect(dims string, shape ...int) error {
	if slices.Equal(t.Shape, shape) {
		return nil
	}
	if dims != "" {
		dims = " (" + dims + ")"
	}
	return t.fault("shape %v, want %v%s", t.Shape, shape, dims)
}

// fault is an Error of this tensor.
func (t Tensor) fault(format string, args ...any) error {
	return &Error{File: t.File, Tensor: t.Name, Err: fmt.Errorf(format, args...)}
}

// position names element i of t by its number and its index in the stored
// tensor: "element 11 [2 3]".
func (t Tensor) position(i int) string {
	index := make([]int, len(t.Shape))
	rest := i
	for d := len(index) - 1; d >= 0; d-- {
		index[d] = rest % t.Shape[d]
		rest /= t.Shape[d]
	}
	if len(index) > 0 {
		index[0] += t.row
		i += t.row * product(t.Shape[1:])
	}
	return fmt.Sprintf("element %d %v", t.first+i, append(slices.Clone(t.outer), index...))
}

// byteSize is the number of bytes of a tensor. An error says that it does not
// fit an int; no product of a subset of the dimensions overflows otherwise.
func byteSize(d DType, shape []int) (int, error) {
	size, empty := d.Size(), false
	for _, n := range shape {
		if n == 0 {
			empty = true
			continue
		}
		if size > math.MaxInt/n {
			return 0, fmt.Errorf("shape %v of %s needs more than %d bytes", shape, d, math.MaxInt)
		}
		size *= n
	}
	if empty {
		return 0, nil
	}
	return size, nil
}

// product of the dimensions: 1 for none.
func product(shape []int) int {
	p := 1
	for _, n := range shape {
		p *= n
	}
	return p
}
