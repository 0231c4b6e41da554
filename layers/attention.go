package layers

import (
	"math"

	"capmoe/layers/kernel"
)

// queryBlock is the number of queries whose scores are worked on at a time: keys
// after a block's last query are never touched.
const queryBlock = 64

// attention is causal self-attention with grouped keys and values. A sequence sees
// only itself, whatever else is in the batch.
type attention struct {
	cfg  AttentionConfig
	eps  float32
	lib  kernel.Library
	rope *rope

	qkv    []float32 // [T_l, Queries + 2·Values]
	mixed  []float32 // [T_l, Queries]
	scores []float32 // [queryBlock, longest sequence]
}

func newAttention(lib kernel.Library, cfg AttentionConfig, eps float32) *attention {
	return &attention{cfg: cfg, eps: eps, lib: lib, rope: newRope(cfg.HeadDim, cfg.RopeTheta)}
}

// forward computes y = attention(x) for the sequences of a batch: x and y are [T_l, H].
func (a *attention) forward(y, x []float32, w AttentionWeights, b Batch) {
	width := a.cfg.Queries() + 2*a.cfg.Values()
	n := len(b.IDs)
	a.qkv = grow(a.qkv, n*width)
	a.mixed = grow(a.mixed, n*a.cfg.Queries())
	w.QKV.MulTo(a.qkv, x, n)
	if w.Bias != nil {
		addRows(a.qkv, w.Bias)
	}
	if a.cfg.Clip > 0 {
		clip(a.qkv, a.cfg.Clip)
	}
	for s := range b.Sequences() {
		from, to := b.Starts[s], b.Starts[s+1]
		a.rope.grow(int(to - from))
		for t := from; t < to; t++ {
			a.place(a.qkv[int(t)*width:int(t+1)*width], w, int(t-from))
		}
		a.attend(a.mixed[int(from)*a.cfg.Queries():], a.qkv[int(from)*width:int(to)*width])
	}
	w.Out.MulTo(y, a.mixed, n)
}

// place normalises one token's queries and keys and turns them to its position.
func (a *attention) place(row []float32, w AttentionWeights, pos int) {
	q := row[:a.cfg.Queries()]
	k := row[a.cfg.Queries() : a.cfg.Queries()+a.cfg.Values()]
	if a.cfg.QKNorm != NoQKNorm {
		rmsNorm(q, q, w.QNorm, a.eps)
		rmsNorm(k, k, w.KNorm, a.eps)
	}
	a.rope.rotate(q, pos)
	a.rope.rotate(k, pos)
}

// attend computes dst [n, Queries] for one sequence of rows q, k, v.
func (a *attention) attend(dst, qkv []float32) {
	c := a.cfg
	width := c.Queries() + 2*c.Values()
	n := len(qkv) / width
	a.scores = grow(a.scores, queryBlock*n)
	scale := float32(1 / math.Sqrt(float64(c.HeadDim)))
	for h := range c.Heads {
		kv := h / (c.Heads / c.KVHeads) * c.HeadDim
		q := qkv[h*c.HeadDim:]
		k := qkv[c.Queries()+kv:]
		v := qkv[c.Queries()+c.Values()+kv:]
		for first := 0; first < n; first += queryBlock {
			rows := min(queryBlock, n-first)
			keys := first + rows
			a.lib.Gemm(kernel.Gemm{
				TransB: true, M: rows, N: keys, K: c.HeadDim, Alpha: scale,
				A: q[first*width:], LDA: width, B: k, LDB: width, C: a.scores, LDC: keys,
			})
			for i := range rows {
				row := a.scores[i*keys : (i+1)*keys]
				seen := first + i + 1
				softmax(row[:seen])
				clear(row[seen:])
			}
			a.lib.Gemm(kernel.Gemm{
				M: rows, N: c.HeadDim, K: keys, Alpha: 1,
				A: a.scores, LDA: keys, B: v, LDB: width,
				C: dst[first*c.Queries()+h*c.HeadDim:], LDC: c.Queries(),
			})
		}
	}
}

// grow returns a slice of n elements in the same memory where it suffices.
func grow(s []float32, n int) []float32 {
	if cap(s) < n {
		return make([]float32, n)
	}
	return s[:n]
}
