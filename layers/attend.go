package layers

import (
	"sort"

	"capmoe/layers/kernel"
)

// queryBlock is the number of queries whose scores are worked on at a time: keys
// after a block's last query, and before its first one's window, are never touched.
const queryBlock = kernel.AttendRows

// columns is a matrix of some columns of wider rows: row i is data[i·stride:][:width].
type columns struct {
	data          []float32
	width, stride int
}

// from is the rows from the i-th on.
func (c columns) from(i int) []float32 { return c.data[i*c.stride:] }

// paged is a matrix of some columns of wider rows that lie on pages of PageTokens of them: by groups of columns, and then row by row.
type paged struct {
	pages         []kernel.Values
	groups        []int // where groups of columns begin, and the last ends
	column        int   // where the first begins on a page
	width, stride int
}

// inPage is how many of the rows [i, end) lie on row i's page.
func inPage(i, end int) int { return min(end-i, PageTokens-i%PageTokens) }

// rows is n rows from the i-th on, of one page; behind them is the rest of the page.
func (p paged) rows(i, n int) kernel.Rows {
	return kernel.Rows{Values: p.pages[i/PageTokens].From(i%PageTokens*p.stride + p.column), N: n, Width: p.width, Stride: p.stride}
}

// columns is some of the columns of whole rows, all of one group.
func (p paged) columns(first, width int) paged {
	g := sort.SearchInts(p.groups, first+1) - 1
	start := p.groups[g]
	p.stride = p.groups[g+1] - start
	p.column, p.width = PageTokens*start+first-start, width
	return p
}

// head is one head of causal attention: n tokens of a sequence, which follow past others.
type head struct {
	n, past int
	dst     columns    // [n, width of v]
	q       [2]columns // [n, ·] a score is the sum of both products; the second may be empty
	k       [2]paged   // [past+n, ·]
	v       paged      // [past+n, ·]
	scale   float32    // of scores
	window  int        // keys that a token sees, its own among them; 0: all before it
	sink    float32    // score of looking at nothing; -Inf: it cannot
}

// runHeads is the heads of a run. Their queries and results lie beside each other, and so do keys and values, in whole groups of columns on a page.
type runHeads struct {
	head             // the first
	heads  int       // how many
	shared int       // neighbours that look at the same keys and values
	width  int       // values between the queries of neighbours
	rows   [3]int    // values on a page between what they look at and what the next do: both parts of keys, and values
	sinks  []float32 // of each head; nil: as the first's
}

// at is the i-th of the heads.
func (r *runHeads) at(i int) head {
	h, other := r.head, i/r.shared
	h.dst.data = h.dst.data[i*h.dst.width:]
	for part := range h.q {
		if h.q[part].width > 0 {
			h.q[part].data = h.q[part].data[i*r.width:]
			h.k[part].column += other * r.rows[part]
		}
	}
	h.v.column += other * r.rows[2]
	h.sink = r.sinkOf(i)
	return h
}

// sinkOf is the sink of the i-th of the heads.
func (r *runHeads) sinkOf(i int) float32 {
	if r.sinks == nil {
		return r.sink
	}
	return r.sinks[i]
}

// attender computes dst = softmax(scale·q·kᵀ)·v for heads, on one thread.
type attender struct {
	lib    kernel.Library
	fast   kernel.Attender // or nil
	scores []float32       // [queries of a block, their keys]
	page   []float32       // keys or values of a page, where they are not float32
}

// attend computes heads [first, end) of a run: one that is dense, or some of a single query.
func (a *attender) attend(r *runHeads, first, end int) {
	if !r.dense() {
		a.attendSingle(r, first, end)
		return
	}
	for i := first; i < end; i++ {
		if h := r.at(i); a.fast != nil && h.inPairs() {
			a.attendFast(h)
		} else {
			a.attendDense(h)
		}
	}
}

// attendDense brings scores of all keys into the memory of blocks of queries.
func (a *attender) attendDense(h head) {
	last := h.past + h.n
	a.scores = grow(a.scores, min(h.n, queryBlock)*(last+PageTokens-last%PageTokens))
	for first := h.past; first < last; first += queryBlock {
		end := min(first+queryBlock, last)
		from := h.firstKey(first)
		a.score(h, first, end, from)
		for i := first; i < end; i++ {
			row := a.scores[(i-first)*(end-from):][:end-from]
			own := h.firstKey(i)
			clear(row[:own-from])
			softmaxBeside(row[own-from:i+1-from], h.sink)
			clear(row[i+1-from:])
		}
		a.mix(h, first, end, from)
	}
}

// dense tells whether a head is worth bringing its keys into another order. A single query is not, and has other bits: pieces of
// a prompt are of two tokens or more (Pages).
func (h head) dense() bool { return h.n > 1 }

// inPairs tells whether the second part of a key begins with a pair of columns.
func (h head) inPairs() bool { return h.q[1].width == 0 || h.q[0].width%2 == 0 }

// attendSingle is attend for a single query, which meets every key once: keys and values are read where they are, and in the order in which they lie, all
// heads of a page.
func (a *attender) attendSingle(r *runHeads, first, end int) {
	h, heads, from, past := r.at(first), end-first, r.firstKey(r.past), r.past+1
	keys := past - from
	a.scores = grow(a.scores, heads*keys)
	clear(a.scores)
	lie := kernel.Heads{N: heads, Shared: r.shared, Width: r.width, Weights: keys}
	for i, q := range h.q {
		if q.width == 0 {
			continue
		}
		lie.Rows = r.rows[i]
		for key, n := from, 0; key < past; key += n {
			n = inPage(key, past)
			kernel.AddDots(a.scores[key-from:], q.data, h.scale, h.k[i].rows(key, n), lie)
		}
	}
	for i := range heads {
		softmaxBeside(a.scores[i*keys:(i+1)*keys], r.sinkOf(first+i))
	}
	dst := h.dst.data[:heads*h.v.width]
	clear(dst)
	lie.Width, lie.Rows = h.v.width, r.rows[2]
	for key, n := from, 0; key < past; key += n {
		n = inPage(key, past)
		kernel.AddWeighted(dst, a.scores[key-from:], h.v.rows(key, n), lie)
	}
}

// attendFast is attend by the kernels' own way.
func (a *attender) attendFast(h head) {
	last := h.past + h.n
	a.fast.Start(kernel.HeadSizes{Keys: last, Width: h.q[0].width + h.q[1].width, Value: h.v.width})
	seen := h.firstKey(h.past) / PageTokens * PageTokens
	each(h.k[0], seen, last, a.fast.Keys, 0)
	if h.q[1].width > 0 {
		each(h.k[1], seen, last, a.fast.Keys, h.q[0].width)
	}
	each(h.v, seen, last, a.fast.Values, 0)
	for first := h.past; first < last; first += queryBlock {
		end := min(first+queryBlock, last)
		column := 0
		for _, q := range h.q {
			if q.width > 0 {
				a.fast.Queries(q.from(first-h.past), kernel.Columns{N: end - first, Column: column, Width: q.width, Stride: q.stride}, h.scale)
			}
			column += q.width
		}
		a.fast.Attend(h.dst.from(first-h.past), kernel.AttentionBlock{First: first, End: end, Window: h.window, Sink: h.sink, Stride: h.dst.stride})
	}
}

// each hands over rows [from, last) page by page.
func each(p paged, from, last int, place func([]uint16, kernel.Columns), column int) {
	for row, n := from, 0; row < last; row += n {
		n = inPage(row, last)
		place(p.rows(row, n).BF16, kernel.Columns{First: row, N: n, Column: column, Width: p.width, Stride: p.stride})
	}
}

// firstKey is the first key that a query sees.
func (h head) firstKey(query int) int {
	if h.window == 0 {
		return 0
	}
	return max(0, query-h.window+1)
}

// score computes the scores of queries [first, end) with keys [from, end).
func (a *attender) score(h head, first, end, from int) {
	for i, q := range h.q {
		if q.width == 0 {
			continue
		}
		for key, n := from, 0; key < end; key += n {
			n = inPage(key, end)
			a.lib.Gemm(kernel.Gemm{
				TransB: true, M: end - first, N: n, K: q.width, Alpha: h.scale,
				A: q.from(first - h.past), LDA: q.stride, B: a.floats(h.k[i].rows(key, n)), LDB: h.k[i].stride,
				C: a.scores[key-from:], LDC: end - from, Accumulate: i > 0,
			})
		}
	}
}

// mix adds up the values of keys [from, end) for queries [first, end).
func (a *attender) mix(h head, first, end, from int) {
	for key, n := from, 0; key < end; key += n {
		n = inPage(key, end)
		a.lib.Gemm(kernel.Gemm{
			M: end - first, N: h.v.width, K: n, Alpha: 1,
			A: a.scores[key-from:], LDA: end - from, B: a.floats(h.v.rows(key, n)), LDB: h.v.stride,
			C: h.dst.from(first - h.past), LDC: h.dst.stride, Accumulate: key > from,
		})
	}
}

// floats is rows as Gemm takes them.
func (a *attender) floats(rows kernel.Rows) []float32 {
	some := rows.Slice(0, (rows.N-1)*rows.Stride+rows.Width)
	if some.F32 == nil {
		a.page = grow(a.page, some.Len())
	}
	return some.Float32(a.page)
}
