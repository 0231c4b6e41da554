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

// rows is n rows from the i-th on, of one page.
func (p paged) rows(i, n int) kernel.Rows {
	first := i%PageTokens*p.stride + p.column
	return kernel.Rows{Values: p.pages[i/PageTokens].Slice(first, first+(n-1)*p.stride+p.width), Stride: p.stride}
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

// attender computes dst = softmax(scale·q·kᵀ)·v for heads, one at a time.
type attender struct {
	lib    kernel.Library
	fast   kernel.Attender // or nil
	scores []float32       // [queries of a block, their keys]
	page   []float32       // keys or values of a page, where they are not float32
}

func (a *attender) attend(h head) {
	switch {
	case !h.dense():
		a.attendSingle(h)
	case a.fast != nil && h.inPairs():
		a.attendFast(h)
	default:
		a.attendDense(h)
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

// dense tells whether a head is worth bringing its keys into another order. A single query is not,
// unless it begins a block, as the last piece of a prompt may: the prompt whole has the same bits.
func (h head) dense() bool { return h.n > 1 || h.past%queryBlock == 0 }

// inPairs tells whether the second part of a key begins with a pair of columns.
func (h head) inPairs() bool { return h.q[1].width == 0 || h.q[0].width%2 == 0 }

// attendSingle is attend for a single query, which meets every key once: keys are read where they are.
func (a *attender) attendSingle(h head) {
	from, end := h.firstKey(h.past), h.past+1
	a.scores = grow(a.scores, end-from)
	clear(a.scores)
	for i, q := range h.q {
		if q.width == 0 {
			continue
		}
		for key, n := from, 0; key < end; key += n {
			n = inPage(key, end)
			kernel.AddDots(a.scores[key-from:][:n], q.data[:q.width], h.scale, h.k[i].rows(key, n))
		}
	}
	softmaxBeside(a.scores, h.sink)
	dst := h.dst.data[:h.v.width]
	clear(dst)
	for key, n := from, 0; key < end; key += n {
		n = inPage(key, end)
		kernel.AddWeighted(dst, a.scores[key-from:][:n], h.v.rows(key, n))
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
	if rows.F32 == nil {
		a.page = grow(a.page, rows.Len())
	}
	return rows.Float32(a.page)
}
