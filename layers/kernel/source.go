package kernel

import "fmt"

// source is W [n,k] as it comes to be packed: whole, or by rows.
type source struct {
	sides
	whole []float32 // or
	read  RowReader
}

// sides tell matrices of one layout from others.
type sides struct {
	n, k  int
	dtype DType
}

func wholeSource(w []float32, of sides) (source, error) {
	if err := of.check(); err != nil {
		return source{}, err
	}
	if len(w) != of.n*of.k {
		return source{}, fmt.Errorf("kernel: pack: matrix of %d×%d needs %d values, slice holds %d", of.n, of.k, of.n*of.k, len(w))
	}
	return source{sides: of, whole: w}, nil
}

func rowSource(read RowReader, of sides) (source, error) {
	return source{sides: of, read: read}, of.check()
}

func (s sides) check() error {
	if s.n < 1 || s.k < 1 {
		return fmt.Errorf("kernel: pack: matrix is %d×%d, both sides must be at least 1", s.n, s.k)
	}
	return nil
}

// each hands W over: whole, or step rows at a time from the first on.
func (s source) each(step int, do func(rows []float32, first, n int)) error {
	if s.whole != nil {
		do(s.whole, 0, s.n)
		return nil
	}
	buf := make([]float32, min(step, s.n)*s.k)
	for first := 0; first < s.n; first += step {
		rows := buf[:min(step, s.n-first)*s.k]
		if err := s.read(rows, first); err != nil {
			return err
		}
		do(rows, first, len(rows)/s.k)
	}
	return nil
}

// all is W whole.
func (s source) all() ([]float32, error) {
	if s.whole != nil {
		return s.whole, nil
	}
	w := make([]float32, s.n*s.k)
	return w, s.read(w, 0)
}
