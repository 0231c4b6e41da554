package checkpoint

import "math"

// mxGroup is how many neighbouring elements of a row share a scale.
const mxGroup = 32

// float4 are the values of an FP4: 1 sign, 2 exponent (bias 1), 1 fraction bit (OCP
// Microscaling Formats 1.0, section 5.3.3).
var float4 = [16]float32{0, 0.5, 1, 1.5, 2, 3, 4, 6, 0, -0.5, -1, -1.5, -2, -3, -4, -6}

// Float32MX writes t, the blocks of a matrix in MXFP4 (OCP Microscaling Formats 1.0),
// to dst in row-major order. t is U8 [..., groups, 16], two elements in a byte, the
// first in the low half; scale is U8 [..., groups], the exponent of 2 that multiplies a
// group of 32, plus 127. dst holds 32 elements for each scale.
func (t Tensor) Float32MX(dst []float32, scale Tensor) error {
	for _, part := range []Tensor{t, scale} {
		if part.DType != U8 {
			return part.fault("dtype %s, MXFP4 is stored in %s", part.DType, U8)
		}
	}
	groups := scale.Elements()
	if err := t.Expect("the scales' shape × 16", append(append([]int(nil), scale.Shape...), mxGroup/2)...); err != nil {
		return err
	}
	if len(dst) != groups*mxGroup {
		return t.fault("%d elements, destination holds %d", groups*mxGroup, len(dst))
	}
	for g, exponent := range scale.Data {
		factor := float32(math.Ldexp(1, int(exponent)-127))
		row := dst[g*mxGroup : (g+1)*mxGroup]
		for i, two := range t.Data[g*mxGroup/2 : (g+1)*mxGroup/2] {
			row[2*i], row[2*i+1] = float4[two&15]*factor, float4[two>>4]*factor
		}
		if exponent == 255 || notFinite(row) >= 0 {
			return scale.fault("%s is %d: the weights it scales are not finite", scale.position(g), exponent)
		}
	}
	return nil
}
