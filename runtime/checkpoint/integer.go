package checkpoint

import (
	"encoding/binary"
	"math"
)

// Int32 writes t, of dtype I64, I32, I16, U16 or U8, to dst in row-major order:
// token ids, expert ids. dst has as many elements as t. An I64 beyond the range
// of int32 is an error that names the first such element.
func (t Tensor) Int32(dst []int32) error {
	switch t.DType {
	case I64, I32, I16, U16, U8:
	default:
		return t.fault("dtype %s is not one of I64, I32, I16, U16, U8", t.DType)
	}
	if len(dst) != t.Elements() {
		return t.fault("%d elements, destination holds %d", t.Elements(), len(dst))
	}
	for i := range dst {
		switch t.DType {
		case I64:
			v := int64(binary.LittleEndian.Uint64(t.Data[8*i:]))
			if v < math.MinInt32 || v > math.MaxInt32 {
				return t.fault("%s is %d, want %d to %d", t.position(i), v, math.MinInt32, math.MaxInt32)
			}
			dst[i] = int32(v)
		case I32:
			dst[i] = int32(binary.LittleEndian.Uint32(t.Data[4*i:]))
		case I16:
			dst[i] = int32(int16(binary.LittleEndian.Uint16(t.Data[2*i:])))
		case U16:
			dst[i] = int32(binary.LittleEndian.Uint16(t.Data[2*i:]))
		case U8:
			dst[i] = int32(t.Data[i])
		}
	}
	return nil
}
