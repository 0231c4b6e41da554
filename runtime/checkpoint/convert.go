package checkpoint

import (
	"encoding/binary"
	"math"
	"slices"
)

// chunk is how many elements are converted before they are checked: few enough
// to stay in the first cache.
const chunk = 4096

// Float32 writes t to dst, element by element, in row-major order. Every type
// but F64 widens exactly; F64 is rounded to nearest. dst has as many elements
// as t. A NaN, an infinity, and an F64 beyond the range of float32 are errors
// that name the first such element; dst is then undefined.
func (t Tensor) Float32(dst []float32) error {
	if !t.DType.Float() {
		return t.fault("dtype %s is not floating point", t.DType)
	}
	if len(dst) != t.Elements() {
		return t.fault("%d elements, destination holds %d", t.Elements(), len(dst))
	}
	for first := 0; first < len(dst); first += chunk {
		part := dst[first:min(first+chunk, len(dst))]
		t.widen(part, first)
		if i := notFinite(part); i >= 0 {
			return t.fault("%s is %v, want a finite float32", t.position(first+i), t.float64At(first+i))
		}
	}
	return nil
}

// BF16 copies the bits of t, of dtype BF16, to dst in row-major order. NaN and infinity
// are errors as for Float32.
func (t Tensor) BF16(dst []uint16) error {
	if t.DType != BF16 {
		return t.fault("dtype %s is not BF16", t.DType)
	}
	if len(dst) != t.Elements() {
		return t.fault("%d elements, destination holds %d", t.Elements(), len(dst))
	}
	const exponent = 0x7f80
	for i := range dst {
		dst[i] = binary.LittleEndian.Uint16(t.Data[2*i : 2*i+2])
		if dst[i]&exponent == exponent {
			return t.fault("%s is %v, want a finite float32", t.position(i), t.float64At(i))
		}
	}
	return nil
}

// widen converts the elements of t from first on to fill dst.
// Loads name both ends of their bytes, so that the compiler checks one bound.
func (t Tensor) widen(dst []float32, first int) {
	src := t.Data[first*t.DType.Size():]
	switch t.DType {
	case F64:
		for i := range dst {
			dst[i] = float32(math.Float64frombits(binary.LittleEndian.Uint64(src[8*i : 8*i+8])))
		}
	case F32:
		for i := range dst {
			dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(src[4*i : 4*i+4]))
		}
	case F16:
		for i := range dst {
			dst[i] = float16(binary.LittleEndian.Uint16(src[2*i : 2*i+2]))
		}
	case BF16:
		widenBF16(dst, src)
	case F8E4M3:
		for i := range dst {
			dst[i] = float8E4M3[src[i]]
		}
	case F8E5M2:
		for i := range dst {
			dst[i] = float16(uint16(src[i]) << 8)
		}
	}
}

// widenBF16 takes four values at a time: most checkpoints are of them.
func widenBF16(dst []float32, src []byte) {
	for ; len(dst) >= 4; dst, src = dst[4:], src[8:] {
		four := binary.LittleEndian.Uint64(src)
		dst[0] = math.Float32frombits(uint32(four) << 16)
		dst[1] = math.Float32frombits(uint32(four) &^ 0xffff)
		dst[2] = math.Float32frombits(uint32(four>>32) << 16)
		dst[3] = math.Float32frombits(uint32(four>>32) &^ 0xffff)
	}
	for i := range dst {
		dst[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(src[2*i:])) << 16)
	}
}

// notFinite is the index of the first NaN or infinity, or -1.
func notFinite(values []float32) int {
	const magnitude, smallest, infinite = 0x7fffffff, 0x00800000, 0x7f800000
	carry := uint32(0) // its sign is that of an exponent beyond the largest, plus one
	for _, v := range values {
		carry |= math.Float32bits(v)&magnitude + smallest
	}
	if carry>>31 == 0 {
		return -1
	}
	return slices.IndexFunc(values, func(v float32) bool { return math.Float32bits(v)&magnitude >= infinite })
}

// float64At is element i of t, for messages.
func (t Tensor) float64At(i int) float64 {
	if t.DType == F64 {
		return math.Float64frombits(binary.LittleEndian.Uint64(t.Data[8*i:]))
	}
	var v [1]float32
	t.widen(v[:], i)
	return float64(v[0])
}
