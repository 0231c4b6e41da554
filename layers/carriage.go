package layers

import (
	"unsafe"

	"capmoe/collective"
	"capmoe/layers/kernel"
)

// carriage is how rows travel to experts: as float32, or rounded to bf16 where the experts' products
// begin with that. Outputs come back as float32.
type carriage struct {
	dtype  kernel.DType // of the experts' matrices
	hidden int
	apart  bool       // outputs keep clear of rows
	bf16   [][]uint16 // [threads] rows of this rank, [·, H], rounded
}

// newCarriage carries rows for the threads of every rank. All ranks call it.
func newCarriage(c collective.Communicator, p Parts) (carriage, error) {
	threads := threadsOf(p.Kernels)
	most := []int32{int32(threads)}
	err := collective.AllReduce(c, collective.Max, most)
	return carriage{dtype: p.DType, hidden: p.Config.Hidden, apart: p.DType == kernel.BF16 && most[0] > 1, bf16: make([][]uint16, threads)}, err
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

// room is the float32 that n outputs and the rows that they are made of take together. One thread computes experts in the order of rows, and
// outputs grow into rows that have been read. Several do not: where any rank has them, outputs keep clear of rows of bf16 on all. Of float32
// they are as large as rows, and each takes the place of its own:
//
//	float32              │ row 0  row 1  row 2  row 3 │
//	bf16, one thread     │              │ 0 │ 1 │ 2 │ 3 │                output i ends where row i+1 begins, or before
//	bf16, several        │ outputs                    │ 0 │ 1 │ 2 │ 3 │
func (c *carriage) room(n int) int {
	values := n * c.hidden
	if c.apart {
		values += (values + 1) / 2
	}
	return values
}

// place is where n rows go in memory that has room for them and their outputs: at its end.
func (c *carriage) place(memory []float32, n int) []byte {
	all := bytesOf(memory)
	return all[len(all)-n*c.rowBytes():]
}

// unload gives n rows that have come to where place said, and the memory of their outputs.
func (c *carriage) unload(memory []float32, n int) arrived {
	outputs := memory[:n*c.hidden]
	if c.dtype == kernel.F32 {
		return arrived{rows: kernel.Values{F32: outputs}, outputs: outputs}
	}
	in := c.place(memory, n)
	return arrived{rows: kernel.Values{BF16: unsafe.Slice((*uint16)(unsafe.Pointer(unsafe.SliceData(in))), len(in)/2)}, outputs: outputs}
}

// bytesOf is the memory of v.
func bytesOf[T float32 | uint16](v []T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(v))), len(v)*int(unsafe.Sizeof(*new(T))))
}
