package layers

import (
	"math"

	"capmoe/collective"
	"capmoe/layers/kernel"
)

// attention is causal self-attention with grouped keys and values. A sequence sees
// only itself, whatever else is in the batch.
type attention struct {
	rank     int
	cfg      AttentionConfig
	eps      float32
	rope     *rope
	heads    *heads
	keeper   *keeper
	products *columnParallel

	qkv   []float32 // [T_l, Queries + 2·Values]
	mixed []float32 // [T_l, Queries]

	weights  *AttentionWeights // of the layer under way
	position []int             // [T_l]
	placing  *byRows
}

func newAttention(c collective.Communicator, p Parts) *attention {
	cfg := p.Config.Attention
	a := &attention{rank: c.Rank(), cfg: cfg, eps: p.Config.Eps, rope: newRope(cfg.HeadDim, cfg.Rope), heads: newHeads(p.Kernels)}
	a.keeper = newKeeper(c, p, a.row)
	a.placing = newByRows(p.Kernels, func(_, first, end int) { a.place(first, end) })
	return a
}

// forward computes y = attention(x) for the sequences of a batch: x and y are [T_l, H].
func (a *attention) forward(y, x []float32, w *AttentionWeights, layer int, b Batch) error {
	width := a.cfg.Queries() + 2*a.cfg.Values()
	n := len(b.IDs)
	a.qkv = grow(a.qkv, n*width)
	a.mixed = grow(a.mixed, n*a.cfg.Queries())
	a.products.mulTo(a.qkv, x, n, w.QKV)
	a.rope.grow(b.end)
	a.weights, a.position = w, b.position
	a.placing.run(n)
	a.keeper.begin()
	for s := range b.Sequences() {
		some, keys := a.keeper.keep(b, s, layer)
		a.mix(some, keys, w, layer)
	}
	if err := a.mixSpread(b, w, layer); err != nil {
		return err
	}
	a.heads.attend()
	a.products.mulTo(y, a.mixed, n, w.Out)
	if w.OutBias != nil {
		addRows(y, w.OutBias)
	}
	return nil
}

// run is neighbouring tokens of a sequence in a batch, which follow past others.
type run struct {
	from, to, past int
}

// mixSpread adds the heads over this rank's pieces of sequences that are spread over ranks.
func (a *attention) mixSpread(b Batch, w *AttentionWeights, layer int) error {
	if len(b.Spread) == 0 {
		return nil
	}
	keys, err := a.keeper.spread.share(b, layer)
	if err != nil {
		return err
	}
	b.pieces(a.rank, func(i int, p Piece, from int) {
		a.mix(run{from, from + p.N, b.Spread[i].Past + p.First}, keys[i], w, layer)
	})
	return nil
}

// place makes the queries, keys and values of tokens [first, end) from their products: normalised, clipped, and turned to their positions.
func (a *attention) place(first, end int) {
	queries, values, w := a.cfg.Queries(), a.cfg.Values(), a.weights
	width := queries + 2*values
	rows := a.qkv[first*width : end*width]
	if w.Bias != nil {
		addRows(rows, w.Bias)
	}
	for t := first; t < end; t++ {
		row := a.qkv[t*width:]
		q, k := row[:queries], row[queries:queries+values]
		if a.cfg.QKNorm != NoQKNorm {
			rmsNorm(q, q, w.QNorm, a.eps)
			rmsNorm(k, k, w.KNorm, a.eps)
		}
		if a.cfg.Clip > 0 {
			clip(row[:width], a.cfg.Clip)
		}
		a.rope.rotate(q, a.position[t])
		a.rope.rotate(k, a.position[t])
	}
}

// row is the key and the value of token t.
func (a *attention) row(dst kernel.Values, t int) {
	queries, values := a.cfg.Queries(), a.cfg.Values()
	width := queries + 2*values
	dst.Put(kernel.Values{F32: a.qkv[t*width+queries : (t+1)*width]})
}

// mix adds the heads over a run.
func (a *attention) mix(r run, keys paged, w *AttentionWeights, layer int) {
	from, to, c := r.from, r.to, a.cfg
	if from == to {
		return
	}
	width, page := c.Queries()+2*c.Values(), PageTokens*c.HeadDim
	a.heads.add(runHeads{
		head: head{
			n: to - from, past: r.past,
			dst:    columns{a.mixed[from*c.Queries() : to*c.Queries()], c.HeadDim, c.Queries()},
			q:      [2]columns{{a.qkv[from*width : to*width], c.HeadDim, width}},
			k:      [2]paged{keys.columns(0, c.HeadDim)},
			v:      keys.columns(c.Values(), c.HeadDim),
			scale:  float32(1 / math.Sqrt(float64(c.HeadDim))),
			window: c.Window.At(layer),
			sink:   float32(math.Inf(-1)),
		},
		heads: c.Heads, shared: c.Heads / c.KVHeads, width: c.HeadDim, rows: [3]int{page, 0, page}, sinks: w.Sinks,
	})
}

// grow returns a slice of n elements in the same memory where it suffices.
func grow(s []float32, n int) []float32 {
	if cap(s) < n {
		return make([]float32, n)
	}
	return s[:n]
}
