package checkpoint

import (
	"capmoe/layers/kernel"
)

// loader finds one rank's weights in a store, and then reads them into a kernel library's layout.
type loader struct {
	store *Store
	cfg   *Config
	names names
	asked map[string]bool
	reads []func() error // of what was found, in that order

	lib kernel.Library
	buf []float32 // the matrix being read
}

// later keeps what is to be read when all is found.
func (l *loader) later(read func() error) { l.reads = append(l.reads, read) }

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
func (l *loader) matrix(dst *kernel.Matrix, dims string, k int, parts ...part) error {
	w, err := l.stack(dims, k, parts...)
	if err == nil {
		l.pack(dst, w)
	}
	return err
}

func (l *loader) pack(dst *kernel.Matrix, w stack) { l.packRead(dst, w, w.read) }

// packRead is pack with another way to read the rows.
func (l *loader) packRead(dst *kernel.Matrix, w stack, read kernel.RowReader) {
	l.later(func() (err error) {
		w.want()
		defer w.release()
		*dst, err = l.lib.PackFrom(read, w.rows(), w.k)
		return err
	})
}

// exact is matrix in float32, whatever type the library packs: for scores, which decide.
func (l *loader) exact(dst *kernel.Matrix, dims string, k int, parts ...part) error {
	pack := func(rows []float32) (err error) {
		*dst, err = l.lib.PackF32(rows, len(rows)/k, k)
		return err
	}
	return l.rows(pack, dims, k, parts...)
}

// rows has use take stored matrices of k columns, one below the other: [Σ rows, k], valid
// until it returns.
func (l *loader) rows(use func(rows []float32) error, dims string, k int, parts ...part) error {
	w, err := l.stack(dims, k, parts...)
	if err != nil {
		return err
	}
	l.later(func() error {
		defer w.release()
		rows := l.room(w.rows() * k)
		if err := w.read(rows, 0); err != nil {
			return err
		}
		return use(rows)
	})
	return nil
}

// room is the buffer for the next matrix.
func (l *loader) room(n int) []float32 {
	if cap(l.buf) < n {
		l.buf = make([]float32, n)
	}
	return l.buf[:n]
}

// vector reads a stored tensor as it is, row-major.
func (l *loader) vector(dst *[]float32, name, dims string, shape ...int) error {
	t, err := l.open(name, dims, shape...)
	if err != nil {
		return err
	}
	l.later(func() error {
		defer t.Release()
		*dst = make([]float32, t.Elements())
		return t.read(*dst)
	})
	return nil
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
