package trace

import (
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"

	"capmoe/runtime/checkpoint"

	"github.com/sbinet/npyio"
)

// openNPY reads DIR/topk_ids.npy and DIR/topk_weights.npy, [T, L, K] each.
func openNPY(dir string) (*Trace, error) {
	ids, err := readNPY(filepath.Join(dir, "topk_ids.npy"))
	if err != nil {
		return nil, err
	}
	weights, err := readNPY(filepath.Join(dir, "topk_weights.npy"))
	if err != nil {
		return nil, err
	}
	if len(ids.Shape) != 3 || !slices.Equal(ids.Shape, weights.Shape) {
		return nil, fmt.Errorf("trace: %s: topk_ids.npy has shape %v, topk_weights.npy %v, want [T, L, K] twice", dir, ids.Shape, weights.Shape)
	}
	experts := make([]int32, ids.Elements())
	scores := make([]float32, weights.Elements())
	if err := ids.Int32(experts); err != nil {
		return nil, err
	}
	if err := weights.Float32(scores); err != nil {
		return nil, err
	}
	t := &Trace{Path: dir, Tokens: ids.Shape[0], TopK: ids.Shape[2]}
	if len(experts) > 0 {
		if low := slices.Min(experts); low < 0 {
			return nil, fmt.Errorf("trace: %s: topk_ids.npy holds expert %d, want 0 or more", dir, low)
		}
		t.Experts = 1 + int(slices.Max(experts))
	}
	for l := range ids.Shape[1] {
		t.Layers = append(t.Layers, Layer{Number: l, Scores: t.spread(experts, scores, l, ids.Shape[1])})
	}
	return t, nil
}

// spread lays one layer's recorded choices out over all experts.
func (t *Trace) spread(experts []int32, scores []float32, layer, layers int) []float32 {
	rows := slices.Repeat([]float32{float32(math.Inf(-1))}, t.Tokens*t.Experts)
	for token := range t.Tokens {
		at := (token*layers + layer) * t.TopK
		for k := range t.TopK {
			rows[token*t.Experts+int(experts[at+k])] = scores[at+k]
		}
	}
	return rows
}

// dtypes are the element types of .npy files that traces use.
var dtypes = map[string]checkpoint.DType{
	"|u1": checkpoint.U8, "<i4": checkpoint.I32, "<i8": checkpoint.I64,
	"<f2": checkpoint.F16, "<f4": checkpoint.F32, "<f8": checkpoint.F64,
}

// readNPY reads a C-ordered array as a tensor.
func readNPY(path string) (checkpoint.Tensor, error) {
	f, err := os.Open(path)
	if err != nil {
		return checkpoint.Tensor{}, fmt.Errorf("trace: %w", err)
	}
	defer f.Close()
	r, err := npyio.NewReader(f)
	if err != nil {
		return checkpoint.Tensor{}, fmt.Errorf("trace: %s: %w", path, err)
	}
	descr := r.Header.Descr
	dtype, known := dtypes[descr.Type]
	if !known || descr.Fortran {
		return checkpoint.Tensor{}, fmt.Errorf("trace: %s: dtype %q (Fortran order %v) is not supported", path, descr.Type, descr.Fortran)
	}
	data, err := io.ReadAll(f)
	if err != nil {
		return checkpoint.Tensor{}, fmt.Errorf("trace: %s: %w", path, err)
	}
	t := checkpoint.Tensor{Name: filepath.Base(path), File: path, DType: dtype, Shape: descr.Shape, Data: data}
	if want := t.Elements() * dtype.Size(); len(data) != want {
		return t, fmt.Errorf("trace: %s: %d bytes of data, shape %v of %s needs %d", path, len(data), t.Shape, dtype, want)
	}
	return t, nil
}
