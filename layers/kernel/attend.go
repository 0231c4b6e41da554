package kernel

import "fmt"

// Attender computes heads of causal attention faster than two Gemms and a Softmax, one at a time, with products of bf16 and sums of
// float32. It has memory of its own, for one worker:
//
//	Start ─ Keys, Values: some rows at a time ─ of each block of queries: Queries ─ Attend ─▶ dst
//
// A result depends on its query and the keys that it sees, bit by bit: not on the other queries, nor on how keys come.
type Attender interface {
	// Start begins a head.
	Start(h HeadSizes)
	// Keys places columns of keys in bf16, and Values whole values. Rows come from the first that is seen to the last, but for the last
	// times a multiple of AttendRows of them, from a multiple of AttendRows on; Column is even.
	Keys(src []uint16, c Columns)
	Values(src []uint16, c Columns)
	// Queries places columns of a block of queries, times scale and rounded, from First 0 on.
	Queries(src []float32, c Columns, scale float32)
	// Attend computes the block: dst is [End-First, Value], rows Stride apart.
	Attend(dst []float32, b AttentionBlock)
}

// AttendRows is the most queries of a block.
const AttendRows = 64

// HeadSizes are of one head: keys, their length, and that of values.
type HeadSizes struct {
	Keys, Width, Value int
}

// Columns is N rows from First on, and Width of their columns from Column on: what lies at the start of a slice, rows Stride
// apart.
type Columns struct {
	First, N, Column, Width, Stride int
}

// AttentionBlock is queries First to End-1, by the place of their own keys.
type AttentionBlock struct {
	First, End int
	Window     int     // keys that a query sees, its own among them; 0: all before it
	Sink       float32 // score of looking at nothing; -Inf: it cannot
	Stride     int     // of results
}

func (c Columns) check(what string, held int) {
	if c.N < 1 || c.Width < 1 || c.Column%2 != 0 || c.Stride < c.Width {
		panic(fmt.Sprintf("kernel: attend: %s %+v", what, c))
	}
	if need := (c.N-1)*c.Stride + c.Width; held < need {
		panic(fmt.Sprintf("kernel: attend: %s of %d rows need %d values, slice holds %d", what, c.N, need, held))
	}
}
