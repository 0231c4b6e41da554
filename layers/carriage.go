package layers

import (
	"unsafe"

	"capmoe/layers/kernel"
)

// carriage is how rows travel to experts: as float32, or rounded to bf16 where the experts' products
// begin with that. Outputs come back as float32.
type carriage struct {
	dtype  kernel.DType // of the experts' matrices
	hidden int
	bf16   [][]uint16 // [threads] rows of this rank, [·, H], rounded
}

// newCarriage carries rows of a width for so many threads.
func newCarriage(dtype kernel.DType, hidden, threads int) carriage {
	return carriage{dtype, hidden, make([][]uint16, threads)}
}

// rowBytes is the size of a row on its way.
func (c *carriage) rowBytes() int { return c.dtype.Bytes() * c.hidden }

// load gives rows, [n, H], as they travel; valid until the worker's next call.
func (c *carriage) load(worker int, rows []float32) []byte {
	if c.dtype == kernel.F32 {
		return bytesOf(rows)
	}
	own := &c.bf16[worker]
	if cap(*own) < len(rows) {
		*own = make([]uint16, len(rows))
	}
	*own = (*own)[:len(rows)]
	kernel.RoundBF16To(*own, rows)
	return bytesOf(*own)
}

// place is where rows go whose outputs, [n, H], will lie in the given memory: at its end. Experts compute in
// the order of rows, so that outputs grow into rows that have been read:
//
//	float32  │ row 0  row 1  row 2  row 3 │
//	bf16     │              │ 0 │ 1 │ 2 │ 3 │    output i ends where row i+1 begins, or before
func (c *carriage) place(outputs []float32) []byte {
	memory := bytesOf(outputs)
	return memory[len(memory)-c.dtype.Bytes()*len(outputs):]
}

// unload gives the rows that have come to where place said.
func (c *carriage) unload(outputs []float32) arrived {
	if c.dtype == kernel.F32 {
		return arrived{rows: kernel.Values{F32: outputs}, outputs: outputs}
	}
	in := c.place(outputs)
	return arrived{rows: kernel.Values{BF16: unsafe.Slice((*uint16)(unsafe.Pointer(unsafe.SliceData(in))), len(in)/2)}, outputs: outputs}
}

// bytesOf is the memory of v.
func bytesOf[T float32 | uint16](v []T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(v))), len(v)*int(unsafe.Sizeof(*new(T))))
}
