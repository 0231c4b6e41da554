package kernel

import "math"

// Values is values of one of the types: those of the other are nil.
type Values struct {
	F32  []float32
	BF16 []uint16
}

// NewValues makes n values of a type. They lie in huge pages as far as the system has them: what is read from one end to the other is
// read faster then.
func NewValues(dtype DType, n int) Values {
	if dtype == BF16 {
		return Values{BF16: newPages[uint16](n)}
	}
	return Values{F32: newPages[float32](n)}
}

// Len is the number of values.
func (v Values) Len() int { return max(len(v.F32), len(v.BF16)) }

// Cap is how many values the memory holds.
func (v Values) Cap() int { return max(cap(v.F32), cap(v.BF16)) }

// Slice is the values [from, end), in the same memory.
func (v Values) Slice(from, end int) Values {
	if v.BF16 != nil {
		return Values{BF16: v.BF16[from:end]}
	}
	return Values{F32: v.F32[from:end]}
}

// From is the values from one on.
func (v Values) From(from int) Values { return v.Slice(from, v.Len()) }

// Put copies values of x to the beginning of v, rounded by RoundBF16 if v is of bf16 and they are not yet. v is at least as long.
func (v Values) Put(x Values) {
	switch {
	case v.BF16 == nil:
		copy(v.F32[:len(x.F32)], x.F32)
	case x.BF16 != nil:
		copy(v.BF16[:len(x.BF16)], x.BF16)
	default:
		RoundBF16To(v.BF16, x.F32)
	}
}

// Float32 is the values as float32: themselves, or in dst, which is long enough.
func (v Values) Float32(dst []float32) []float32 {
	if v.BF16 == nil {
		return v.F32
	}
	dst = dst[:len(v.BF16)]
	widen(dst, v.BF16)
	return dst
}

// at is a value as float32.
func (v Values) at(i int) float32 {
	if v.BF16 == nil {
		return v.F32[i]
	}
	return math.Float32frombits(uint32(v.BF16[i]) << 16)
}
