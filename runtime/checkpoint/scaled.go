package checkpoint

import "fmt"

// Float32Scaled writes t [rows, columns] to dst in row-major order, with every
// block × block square of it multiplied by its element of scale
// [⌈rows/block⌉, ⌈columns/block⌉]: the weight and weight_scale_inv of an fp8
// checkpoint (DeepSeek-V3 technical report, section 3.3.2, where block is 128).
// If t is some Rows of a stored tensor, scale is the part of its own that has
// their blocks. It panics if block is not positive.
func (t Tensor) Float32Scaled(dst []float32, scale Tensor, block int) error {
	if block < 1 {
		panic(fmt.Sprintf("checkpoint: scaled: block of %d", block))
	}
	if !t.DType.Float() {
		return t.fault("dtype %s is not floating point", t.DType)
	}
	if len(t.Shape) != 2 {
		return t.fault("shape %v has %d dimensions, block scales need 2", t.Shape, len(t.Shape))
	}
	rows, columns := t.Shape[0], t.Shape[1]
	if len(dst) != rows*columns {
		return t.fault("%d elements, destination holds %d", rows*columns, len(dst))
	}
	above := t.row - scale.row*block // rows of the first block that are not t's
	if above < 0 || above >= block {
		return t.fault("rows from %d on, their scales start at row %d", t.row, scale.row*block)
	}
	across := ceilDiv(columns, block)
	if err := scale.Expect(fmt.Sprintf("blocks of %d in %v", block, t.Shape), ceilDiv(above+rows, block), across); err != nil {
		return err
	}
	factors := make([]float32, scale.Elements())
	if err := scale.Float32(factors); err != nil {
		return err
	}
	for r := range rows {
		row := dst[r*columns : (r+1)*columns]
		t.widen(row, r*columns)
		for b, factor := range factors[(above+r)/block*across : ((above+r)/block+1)*across] {
			part := row[b*block : min((b+1)*block, columns)]
			for i := range part {
				part[i] *= factor
			}
		}
		if i := notFinite(row); i >= 0 {
			i += r * columns
			return t.fault("%s is %v, %v after scaling, want a finite float32", t.position(i), t.float64At(i), dst[i])
		}
	}
	return nil
}

// ceilDiv is ⌈a/b⌉.
func ceilDiv(a, b int) int { return (a + b - 1) / b }
