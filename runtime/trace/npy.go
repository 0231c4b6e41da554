package trace

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"capmoe/runtime/checkpoint"
)

// openNPY reads DIR/topk_ids.npy and DIR/topk_weights.npy, [T, L, K] each, and, where it
// is there, DIR/doc.npy, the document of each token, [T]. Layers are numbered from 0.
// There are as many experts as the largest id says, or the hint.
func openNPY(dir string, h Hints) (*Trace, error) {
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
	if err := errors.Join(ids.Int32(experts), weights.Float32(scores)); err != nil {
		return nil, err
	}
	t := &Trace{Path: dir, Tokens: ids.Shape[0], Info: Info{TopK: ids.Shape[2], Recorded: ids.Shape[2], Origin: "topk_ids.npy and topk_weights.npy"}}
	if t.Experts, err = expertsOf(experts, h.Experts); err != nil {
		return nil, fmt.Errorf("trace: %s: topk_ids.npy: %w", dir, err)
	}
	t.Choices = make([]Choices, ids.Shape[1])
	for l := range t.Choices {
		t.Layers = append(t.Layers, l)
	}
	for at := range experts {
		c := &t.Choices[at/t.TopK%len(t.Choices)]
		c.Expert = append(c.Expert, uint16(experts[at]))
		c.Score = append(c.Score, scores[at])
	}
	t.Requests, err = documents(filepath.Join(dir, "doc.npy"), t.Tokens)
	return t, err
}

// expertsOf is how many experts there are: as the hint says, or else as the largest id
// does, which misses those that nobody chose.
func expertsOf(ids []int32, hint int) (int, error) {
	most := int32(-1)
	for i, e := range ids {
		if e < 0 || e >= MaxExperts || hint > 0 && int(e) >= hint {
			bound := MaxExperts
			if hint > 0 {
				bound = hint
			}
			return 0, fmt.Errorf("expert %d at place %d, want 0 to %d", e, i, bound-1)
		}
		most = max(most, e)
	}
	if hint > 0 {
		return hint, nil
	}
	return int(most) + 1, nil
}

// documents reads whose each token is, where the file is there.
func documents(path string, tokens int) (runs []Run, err error) {
	x, err := readNPY(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if err := x.Expect("tokens", tokens); err != nil {
		return nil, err
	}
	docs := make([]int32, tokens)
	if err := x.Int32(docs); err != nil {
		return nil, err
	}
	for _, d := range docs {
		runs = appendRun(runs, Run{uint32(d), 1})
	}
	return runs, nil
}

// dtypes are the element types of .npy files that traces use.
var dtypes = map[string]checkpoint.DType{
	"|u1": checkpoint.U8, "<u2": checkpoint.U16, "<i4": checkpoint.I32, "<i8": checkpoint.I64,
	"<f2": checkpoint.F16, "<f4": checkpoint.F32, "<f8": checkpoint.F64,
}

// readNPY reads a C-ordered array as a tensor.
func readNPY(path string) (checkpoint.Tensor, error) {
	f, err := os.Open(path)
	if err != nil {
		return checkpoint.Tensor{}, fmt.Errorf("trace: %w", err)
	}
	defer f.Close()
	head, err := readNPYHeader(f)
	if err != nil {
		return checkpoint.Tensor{}, fmt.Errorf("trace: %s: %w", path, err)
	}
	dtype, known := dtypes[head.dtype]
	if !known || head.fortran {
		return checkpoint.Tensor{}, fmt.Errorf("trace: %s: dtype %q (Fortran order %v) is not supported", path, head.dtype, head.fortran)
	}
	data, err := io.ReadAll(f)
	if err != nil {
		return checkpoint.Tensor{}, fmt.Errorf("trace: %s: %w", path, err)
	}
	t := checkpoint.Tensor{Name: filepath.Base(path), File: path, DType: dtype, Shape: head.shape, Data: data}
	if want := t.Elements() * dtype.Size(); len(data) != want {
		return t, fmt.Errorf("trace: %s: %d bytes of data, shape %v of %s needs %d", path, len(data), t.Shape, dtype, want)
	}
	return t, nil
}
