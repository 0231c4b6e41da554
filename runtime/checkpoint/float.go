package checkpoint

import "math"

// float16 widens an IEEE 754 binary16: 1 sign, 5 exponent (bias 15), 10 fraction bits.
func float16(bits uint16) float32 {
	const (
		infinity = 0x7c00 // also the least NaN but for one bit
		normal   = 0x0400 // least normal number
	)
	sign, magnitude := uint32(bits&0x8000)<<16, uint32(bits&0x7fff)
	switch {
	case magnitude >= infinity:
		return math.Float32frombits(sign | 0x7f800000 | (magnitude-infinity)<<13)
	case magnitude < normal:
		return math.Float32frombits(sign | math.Float32bits(float32(magnitude)*0x1p-24))
	}
	return math.Float32frombits(sign | (magnitude<<13 + (127-15)<<23))
}

// float8E4M3 widens an F8_E4M3: 1 sign, 4 exponent (bias 7), 3 fraction bits, no
// infinity, NaN where all bits but the sign are set (OCP 8-bit floating point
// specification 1.0, section 5).
var float8E4M3 = func() (table [256]float32) {
	for bits := range table {
		exponent, fraction := bits>>3&0xf, float64(bits&7)
		value := math.Ldexp(8+fraction, exponent-10)
		switch {
		case exponent == 15 && fraction == 7:
			value = math.NaN()
		case exponent == 0:
			value = math.Ldexp(fraction, -9)
		}
		if bits&0x80 != 0 {
			value = -value
		}
		table[bits] = float32(value)
	}
	return table
}()
