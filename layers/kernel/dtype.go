package kernel

import (
	"fmt"
	"math"
)

// DType is the type of a packed matrix and of the rows multiplied by it. Sums and results are float32 whatever the type.
type DType uint8

// The types.
const (
	F32  DType = iota
	BF16       // the upper half of a float32: 8 bits of exponent, 7 of fraction
)

var dtypeNames = []string{"f32", "bf16"}

func (d DType) String() string {
	return dtypeNames[d]
}

// Bytes is the size of one value.
func (d DType) Bytes() int {
	return [...]int{4, 2}[d]
}

// ParseDType reads the name of a type: f32 or bf16.
func ParseDType(name string) (DType, error) {
	for d, known := range dtypeNames {
		if name == known {
			return DType(d), nil
		}
	}
	return 0, fmt.Errorf("kernel: unknown dtype %q, want f32 or bf16", name)
}

// RoundBF16 is the bf16 nearest to v, of two equally near ones the even, as the instruction VCVTNEPS2BF16 makes it: subnormal values
// become zero, those beyond the largest bf16 infinite, and a NaN stays a NaN.
func RoundBF16(v float32) float32 {
	bits := math.Float32bits(v)
	switch exponent := bits & 0x7f800000; {
	case v != v:
		bits |= 0x00400000
	case exponent == 0:
		bits &= 0x80000000
	default:
		bits += 0x7fff + bits>>16&1
	}
	return math.Float32frombits(bits & 0xffff0000)
}

// RoundBF16To rounds each value of x as RoundBF16 does and keeps the upper half of it, which is all there is. len(dst) is at least len(x).
func RoundBF16To(dst []uint16, x []float32) {
	if len(dst) < len(x) {
		panic(fmt.Sprintf("kernel: round: x holds %d values, dst %d", len(x), len(dst)))
	}
	if len(x) > 0 {
		roundValues(dst, x)
	}
}

// widen is the float32 of each value of bf16.
func widen(dst []float32, x []uint16) {
	for i := range dst {
		dst[i] = math.Float32frombits(uint32(x[i]) << 16)
	}
}

// roundTo is RoundBF16 of each value.
func roundTo(dst, src []float32) {
	for i, v := range src {
		dst[i] = RoundBF16(v)
	}
}
