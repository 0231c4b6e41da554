package layers

import "capmoe/layers/kernel"

// queryBlock is the number of queries whose scores are worked on at a time: keys
// after a block's last query, and before its first one's window, are never touched.
const queryBlock = 64

// columns is a matrix of some columns of wider rows: row i is data[i·stride:][:width].
type columns struct {
	data          []float32
	width, stride int
}

// from is the rows from the i-th on.
func (c columns) from(i int) []float32 { return c.data[i*c.stride:] }

// head is one head of causal attention over a sequence of n tokens.
type head struct {
	n      int
	dst    columns    // [n, width of v]
	q, k   [2]columns // [n, ·] a score is the sum of both products; the second may be empty
	v      columns    // [n, ·]
	scale  float32    // of scores
	window int        // keys that a token sees, its own among them; 0: all before it
	sink   float32    // score of looking at nothing; -Inf: it cannot
}

// attender computes dst = softmax(scale·q·kᵀ)·v for heads, one at a time.
type attender struct {
	lib    kernel.Library
	scores []float32 // [queryBlock, longest sequence]
}

func (a *attender) attend(h head) {
	a.scores = grow(a.scores, queryBlock*h.n)
	for first := 0; first < h.n; first += queryBlock {
		end := min(first+queryBlock, h.n)
		from := h.firstKey(first)
		a.score(h, first, end, from)
		for i := first; i < end; i++ {
			row := a.scores[(i-first)*(end-from):][:end-from]
			own := h.firstKey(i)
			clear(row[:own-from])
			softmaxBeside(row[own-from:i+1-from], h.sink)
			clear(row[i+1-from:])
		}
		a.lib.Gemm(kernel.Gemm{
			M: end - first, N: h.v.width, K: end - from, Alpha: 1,
			A: a.scores, LDA: end - from, B: h.v.from(from), LDB: h.v.stride,
			C: h.dst.from(first), LDC: h.dst.stride,
		})
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
		a.lib.Gemm(kernel.Gemm{
			TransB: true, M: end - first, N: end - from, K: q.width, Alpha: h.scale,
			A: q.from(first), LDA: q.stride, B: h.k[i].from(from), LDB: h.k[i].stride,
			C: a.scores, LDC: end - from, Accumulate: i > 0,
		})
	}
}
