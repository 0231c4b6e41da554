package layers

import "capmoe/layers/kernel"

const (
	fewRows       = 8 // that one thread is through with before others have come
	piecesPerTeam = 4 // pieces of work for each thread, some of which may be held up
)

// byRows is work on rows that the kernels' threads share. A row is worked on by one of them: its bits do not depend on
// their number.
type byRows struct {
	lib       kernel.Library // nil: one thread
	n, pieces int
	do        func(worker, first, end int)
	piece     func(worker, i int)
}

// newByRows prepares work: do works on rows [first, end).
func newByRows(lib kernel.Library, do func(worker, first, end int)) *byRows {
	r := &byRows{lib: lib, do: do}
	r.piece = func(worker, i int) { do(worker, r.n*i/r.pieces, r.n*(i+1)/r.pieces) }
	return r
}

// run does the work on n rows.
func (r *byRows) run(n int) {
	threads := threadsOf(r.lib)
	if n < fewRows || threads == 1 {
		r.do(0, 0, n)
		return
	}
	r.n, r.pieces = n, min(n, piecesPerTeam*threads)
	r.lib.Each(r.pieces, r.piece)
}

// threadsOf is the number of a library's workers: one without a library.
func threadsOf(lib kernel.Library) int {
	if lib == nil {
		return 1
	}
	return lib.Threads()
}
