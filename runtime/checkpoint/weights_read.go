package checkpoint

import (
	"capmoe/layers/kernel"
)

// loader reads one rank's weights from a store into a kernel library's layout.
type loader struct {
	store *Store
	lib   kernel.Library
	cfg   *Config
	names names
	buf   []float32 // the matrix being read
	asked map[string]bool
}

// tensor finds a tensor of the model.
func (l *loader) tensor(name string) (Tensor, error) {
	l.asked[name] = true
	return l.store.Tensor(name)
}

// part is a stored matrix of some rows that a packed matrix is made of.
type part struct {
	name string
	rows int
}

// matrix packs stored matrices of k columns, one below the other, some rows at a time.
func (l *loader) matrix(dims string, k int, parts ...part) (kernel.Matrix, error) {
	w, err := l.stack(dims, k, parts...)
	if err != nil {
		return nil, err
	}
	defer w.release()
	return l.lib.PackFrom(w.read, w.rows(), k)
}

// exact is matrix in float32, whatever type the library packs: for scores, which decide.
func (l *loader) exact(dims string, k int, parts ...part) (kernel.Matrix, error) {
	rows, err := l.rows(dims, k, parts...)
	if err != nil {
		return nil, err
	}
	return l.lib.PackF32(rows, len(rows)/k, k)
}

// rows reads stored matrices of k columns, one below the other: [Σ rows, k], valid
// until the next matrix is read.
func (l *loader) rows(dims string, k int, parts ...part) ([]float32, error) {
	rows := 0
	for _, p := range parts {
		rows += p.rows
	}
	all := l.room(rows * k)
	rest := all
	for _, p := range parts {
		if err := l.read(rest[:p.rows*k], p.name, dims, p.rows, k); err != nil {
			return nil, err
		}
		rest = rest[p.rows*k:]
	}
	return all, nil
}

// room is the buffer for the next matrix.
func (l *loader) room(n int) []float32 {
	if cap(l.buf) < n {
		l.buf = make([]float32, n)
	}
	return l.buf[:n]
}

// vector reads a stored tensor as it is, row-major.
func (l *loader) vector(name, dims string, shape ...int) ([]float32, error) {
	dst := make([]float32, product(shape))
	return dst, l.read(dst, name, dims, shape...)
}

func (l *loader) read(dst []float32, name, dims string, shape ...int) error {
	t, err := l.open(name, dims, shape...)
	if err != nil {
		return err
	}
	defer t.Release()
	return t.read(dst)
}

// halves brings neighbouring rows of k columns, 2j and 2j+1, to rows j and j + half:
// what is stored in pairs, as two halves.
func halves(rows []float32, k int) {
	pairs := append([]float32(nil), rows...)
	half := len(rows) / 2
	for at := 0; at < half; at += k {
		copy(rows[at:at+k], pairs[2*at:])
		copy(rows[half+at:half+at+k], pairs[2*at+k:])
	}
}
