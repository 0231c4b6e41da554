package layers

import (
	"math"

	"capmoe/collective"
	"capmoe/layers/kernel"
)

// latentAttention is multi-head latent attention (DeepSeek-V2, arXiv 2405.04434,
// section 2.1):
//
//	x ─ KVDown ─┬─ norm ─ KVUp ─ per head: k without position [Nope] ─┬─ v [Value]
//	            └─ k with position [Rope], for all heads ─────────────┘
//	x (─ QDown ─ norm) ─ Q ─ per head: q without position [Nope], with position [Rope]
type latentAttention struct {
	rank     int
	cfg      AttentionConfig
	rope     *rope
	heads    *heads
	keeper   *keeper
	products *columnParallel

	latent []float32 // [T_l, KVRank] normalised
	down   []float32 // [T_l, KVRank + Rope]
	kv     []float32 // [T_l, Heads·(Nope + Value)]
	qDown  []float32 // [T_l, QueryRank]
	q      []float32 // [T_l, Queries]
	mixed  []float32 // [T_l, Heads·Value]

	position []int // [T_l]
	placing  *byRows
}

func newLatentAttention(comm collective.Communicator, p Parts) *latentAttention {
	cfg := p.Config.Attention
	a := &latentAttention{rank: comm.Rank(), cfg: cfg, rope: newRope(cfg.Latent.Rope, cfg.Rope), heads: newHeads(p.Kernels)}
	a.keeper = newKeeper(comm, p, a.row)
	a.placing = newByRows(p.Kernels, func(_, first, end int) { a.place(first, end) })
	return a
}

// forward computes y = attention(x) for the sequences of a batch: x and y are [T_l, H].
func (a *latentAttention) forward(y, x []float32, w *LatentWeights, layer int, b Batch) error {
	c := a.cfg.Latent
	n := len(b.IDs)
	a.queries(x, w, n)
	a.keysAndValues(x, w, n)
	a.mixed = grow(a.mixed, n*a.cfg.Heads*c.Value)
	a.rope.grow(b.end)
	a.position = b.position
	a.placing.run(n)
	a.keeper.begin()
	for s := range b.Sequences() {
		some, keys := a.keeper.keep(b, s, layer)
		a.mix(some, keys)
	}
	if err := a.mixSpread(b, layer); err != nil {
		return err
	}
	a.heads.attend()
	a.products.mulTo(y, a.mixed, n, w.Out)
	return nil
}

// mixSpread adds the heads over this rank's pieces of sequences that are spread over ranks.
func (a *latentAttention) mixSpread(b Batch, layer int) error {
	if len(b.Spread) == 0 {
		return nil
	}
	rows, err := a.keeper.spread.share(b, layer)
	if err != nil {
		return err
	}
	b.pieces(a.rank, func(i int, p Piece, from int) {
		a.mix(run{from, from + p.N, b.Spread[i].Past + p.First}, rows[i])
	})
	return nil
}

// row is what token t is looked up by: the keys and values of all heads, and the part of the keys that has a position.
func (a *latentAttention) row(dst kernel.Values, t int) {
	kvWidth, downWidth := a.cfg.Heads*(a.cfg.Latent.Nope+a.cfg.Latent.Value), a.cfg.Latent.KVRank+a.cfg.Latent.Rope
	dst.Put(kernel.Values{F32: a.kv[t*kvWidth : (t+1)*kvWidth]})
	dst.From(kvWidth).Put(kernel.Values{F32: a.down[t*downWidth+a.cfg.Latent.KVRank : (t+1)*downWidth]})
}

// queries computes q from n rows of x.
func (a *latentAttention) queries(x []float32, w *LatentWeights, n int) {
	c := a.cfg.Latent
	a.q = grow(a.q, n*a.cfg.Queries())
	if c.QueryRank == 0 {
		a.products.mulTo(a.q, x, n, w.Q)
		return
	}
	a.qDown = grow(a.qDown, n*c.QueryRank)
	a.products.mulTo(a.qDown, x, n, w.QDown)
	rmsNorm(a.qDown, a.qDown, w.QNorm, c.Eps)
	a.products.mulTo(a.q, a.qDown, n, w.Q)
}

// keysAndValues computes down and kv from n rows of x.
func (a *latentAttention) keysAndValues(x []float32, w *LatentWeights, n int) {
	c := a.cfg.Latent
	width := c.KVRank + c.Rope
	a.down, a.latent = grow(a.down, n*width), grow(a.latent, n*c.KVRank)
	a.products.mulTo(a.down, x, n, w.KVDown)
	for t := range n {
		rmsNorm(a.latent[t*c.KVRank:(t+1)*c.KVRank], a.down[t*width:][:c.KVRank], w.KVNorm, c.Eps)
	}
	a.kv = grow(a.kv, n*a.cfg.Heads*(c.Nope+c.Value))
	a.products.mulTo(a.kv, a.latent, n, w.KVUp)
}

// place turns what has a position in the queries and keys of tokens [first, end).
func (a *latentAttention) place(first, end int) {
	c := a.cfg.Latent
	for t := first; t < end; t++ {
		for h := range a.cfg.Heads {
			at := t*a.cfg.Queries() + h*a.cfg.HeadDim + c.Nope
			a.rope.rotate(a.q[at:at+c.Rope], a.position[t])
		}
		at := t*(c.KVRank+c.Rope) + c.KVRank
		a.rope.rotate(a.down[at:at+c.Rope], a.position[t])
	}
}

// mix adds the heads over a run.
func (a *latentAttention) mix(r run, keys paged) {
	from, to := r.from, r.to
	if from == to {
		return
	}
	c := a.cfg.Latent
	perHead, outWidth := c.Nope+c.Value, a.cfg.Heads*c.Value
	q, mixed := a.q[from*a.cfg.Queries():], a.mixed[from*outWidth:]
	scale := 1 / math.Sqrt(float64(a.cfg.HeadDim))
	if c.ScaleFactor != 0 {
		scale *= float64(c.ScaleFactor)
	}
	page := PageTokens * perHead
	a.heads.add(runHeads{
		head: head{
			n: to - from, past: r.past,
			dst:   columns{mixed, c.Value, outWidth},
			q:     [2]columns{{q, c.Nope, a.cfg.Queries()}, {q[c.Nope:], c.Rope, a.cfg.Queries()}},
			k:     [2]paged{keys.columns(0, c.Nope), keys.columns(a.cfg.Heads*perHead, c.Rope)},
			v:     keys.columns(c.Nope, c.Value),
			scale: float32(scale),
			sink:  float32(math.Inf(-1)),
		},
		heads: a.cfg.Heads, shared: 1, width: a.cfg.HeadDim, rows: [3]int{page, 0, page},
	})
}
