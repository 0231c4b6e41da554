package checkpoint

import "slices"

// stored is a tensor of weights, with its block scales where it has any.
type stored struct {
	Tensor
	scale Tensor
	block int // 0: no scales
}

// open finds a tensor and its scales, and checks its shape.
func (l *loader) open(name, dims string, shape ...int) (stored, error) {
	t, err := l.tensor(name)
	if err != nil {
		return stored{}, err
	}
	if err := t.Expect(dims, shape...); err != nil {
		return stored{}, err
	}
	if l.cfg.Block == 0 || t.DType != F8E4M3 && t.DType != F8E5M2 {
		return stored{Tensor: t}, nil
	}
	scale, err := l.tensor(name + "_scale_inv")
	return stored{t, scale, l.cfg.Block}, err
}

// checkScales holds the scales of a tensor [..., rows, k] against its shape.
func (s stored) checkScales() error {
	if s.block == 0 {
		return nil
	}
	want := slices.Clone(s.Shape)
	for d := len(want) - 2; d < len(want); d++ {
		want[d] = ceilDiv(want[d], s.block)
	}
	return s.scale.Expect("blocks of the weight", want...)
}

// matrix is one of the matrices of a tensor [E, rows, k], whose scales are checked.
func (s stored) matrix(i int) stored {
	s.Tensor = s.Rows(i, 1).Matrix()
	if s.block > 0 {
		s.scale = s.scale.Rows(i, 1).Matrix()
	}
	return s
}

// read widens the tensor to dst.
func (s stored) read(dst []float32) error {
	if s.block == 0 {
		return s.Float32(dst)
	}
	return s.Float32Scaled(dst, s.scale, s.block)
}

// part is rows first to first+n-1.
func (s stored) part(first, n int) stored {
	if s.block > 0 {
		from, end := first/s.block, ceilDiv(first+n, s.block)
		if end <= s.scale.Shape[0] {
			s.scale = s.scale.Rows(from, end-from)
		}
	}
	s.Tensor = s.Rows(first, n)
	return s
}

// stack is stored matrices of k columns, one below the other.
type stack struct {
	parts []stored
	k     int
}

func (l *loader) stack(dims string, k int, parts ...part) (stack, error) {
	w := stack{k: k}
	for _, p := range parts {
		t, err := l.open(p.name, dims, p.rows, k)
		if err != nil {
			return w, err
		}
		if err := t.checkScales(); err != nil {
			return w, err
		}
		w.parts = append(w.parts, t)
	}
	return w, nil
}

// want has the system read ahead.
func (w stack) want() {
	for _, t := range w.parts {
		t.Want()
	}
}

func (w stack) rows() (n int) {
	for _, t := range w.parts {
		n += t.Shape[0]
	}
	return n
}

// read fills dst with rows from the first on, and lets go of them: a kernel.RowReader.
func (w stack) read(dst []float32, first int) error {
	for _, t := range w.parts {
		if rows := t.Shape[0]; first >= rows {
			first -= rows
			continue
		}
		n := min(t.Shape[0]-first, len(dst)/w.k)
		some := t.part(first, n)
		if err := some.read(dst[:n*w.k]); err != nil {
			return err
		}
		some.Release()
		if dst, first = dst[n*w.k:], 0; len(dst) == 0 {
			break
		}
	}
	return nil
}

// release lets go of what lies on pages that two pieces share.
func (w stack) release() {
	for _, t := range w.parts {
		t.Release()
	}
}
