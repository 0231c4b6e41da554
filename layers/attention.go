package layers

import (
	"math"

	"capmoe/layers/kernel"
)

// attention is causal self-attention with grouped keys and values. A sequence sees
// only itself, whatever else is in the batch.
type attention struct {
	cfg   AttentionConfig
	eps   float32
	rope  *rope
	heads *heads

	qkv   []float32 // [T_l, Queries + 2·Values]
	mixed []float32 // [T_l, Queries]
}

func newAttention(lib kernel.Library, cfg AttentionConfig, eps float32) *attention {
	return &attention{cfg: cfg, eps: eps, rope: newRope(cfg.HeadDim, cfg.Rope), heads: newHeads(lib)}
}

// forward computes y = attention(x) for the sequences of a batch: x and y are [T_l, H].
func (a *attention) forward(y, x []float32, w *AttentionWeights, layer int, b Batch) {
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
		from, to := int(b.Starts[s]), int(b.Starts[s+1])
		past := b.past(s)
		a.rope.grow(past + to - from)
		for t := from; t < to; t++ {
			a.place(a.qkv[t*width:(t+1)*width], w, past+t-from)
		}
		a.mix(b, s, w, layer)
	}
	a.heads.attend()
	w.Out.MulTo(y, a.mixed, n)
	if w.OutBias != nil {
		addRows(y, w.OutBias)
	}
}

// place normalises one token's queries and keys and turns them to its position.
func (a *attention) place(row []float32, w *AttentionWeights, pos int) {
	q := row[:a.cfg.Queries()]
	k := row[a.cfg.Queries() : a.cfg.Queries()+a.cfg.Values()]
	if a.cfg.QKNorm != NoQKNorm {
		rmsNorm(q, q, w.QNorm, a.eps)
		rmsNorm(k, k, w.KNorm, a.eps)
	}
	a.rope.rotate(q, pos)
	a.rope.rotate(k, pos)
}

// keys is the keys and values of sequence s of a batch, [past+n, 2·Values]: those of the
// tokens it brings, behind those in its cache if it has one.
func (a *attention) keys(b Batch, s, layer int) paged {
	from, to := int(b.Starts[s]), int(b.Starts[s+1])
	queries, values := a.cfg.Queries(), a.cfg.Values()
	width := queries + 2*values
	if b.Caches == nil {
		return paged{pages: [][]float32{a.qkv[from*width : to*width]}, rows: to - from, column: queries, stride: width}
	}
	c := b.Caches[s]
	for t := from; t < to; t++ {
		copy(c.row(layer, c.length+t-from), a.qkv[t*width+queries:(t+1)*width])
	}
	return paged{pages: c.layer(layer), rows: PageTokens, stride: 2 * values}
}

// mix adds the heads over the tokens of sequence s of a batch.
func (a *attention) mix(b Batch, s int, w *AttentionWeights, layer int) {
	from, to := int(b.Starts[s]), int(b.Starts[s+1])
	if from == to {
		return
	}
	c, keys := a.cfg, a.keys(b, s, layer)
	width := c.Queries() + 2*c.Values()
	q, mixed := a.qkv[from*width:to*width], a.mixed[from*c.Queries():to*c.Queries()]
	for h := range c.Heads {
		kv := h / (c.Heads / c.KVHeads) * c.HeadDim
		one := head{
			n: to - from, past: b.past(s),
			dst:    columns{mixed[h*c.HeadDim:], c.HeadDim, c.Queries()},
			q:      [2]columns{{q[h*c.HeadDim:], c.HeadDim, width}},
			k:      [2]paged{keys.columns(kv, c.HeadDim)},
			v:      keys.columns(kv+c.Values(), c.HeadDim),
			scale:  float32(1 / math.Sqrt(float64(c.HeadDim))),
			window: c.Window.At(layer),
			sink:   float32(math.Inf(-1)),
		}
		if w.Sinks != nil {
			one.sink = w.Sinks[h]
		}
		a.heads.add(one)
	}
}

// grow returns a slice of n elements in the same memory where it suffices.
func grow(s []float32, n int) []float32 {
	if cap(s) < n {
		return make([]float32, n)
	}
	return s[:n]
}
