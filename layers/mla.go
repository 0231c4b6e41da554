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
	rank   int
	cfg    AttentionConfig
	rope   *rope
	heads  *heads
	spread *spreader

	latent []float32 // [T_l, KVRank] normalised
	down   []float32 // [T_l, KVRank + Rope]
	kv     []float32 // [T_l, Heads·(Nope + Value)]
	qDown  []float32 // [T_l, QueryRank]
	q      []float32 // [T_l, Queries]
	mixed  []float32 // [T_l, Heads·Value]
	one    []float32 // [Heads·(Nope + Value) + Rope] a token's row for its cache

	position []int // [T_l]
	placing  *byRows
}

func newLatentAttention(comm collective.Communicator, lib kernel.Library, cfg AttentionConfig) *latentAttention {
	a := &latentAttention{rank: comm.Rank(), spread: newSpreader(comm, lib), cfg: cfg, rope: newRope(cfg.Latent.Rope, cfg.Rope), heads: newHeads(lib)}
	a.placing = newByRows(lib, func(_, first, end int) { a.place(first, end) })
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
	for s := range b.Sequences() {
		some := run{from: int(b.Starts[s]), to: int(b.Starts[s+1]), past: b.past(s)}
		a.mix(some, a.keys(b, s, layer))
	}
	if err := a.mixSpread(b, layer); err != nil {
		return err
	}
	a.heads.attend()
	w.Out.MulTo(y, a.mixed, n)
	return nil
}

// mixSpread adds the heads over this rank's pieces of sequences that are spread over ranks.
func (a *latentAttention) mixSpread(b Batch, layer int) error {
	if len(b.Spread) == 0 {
		return nil
	}
	kvWidth := a.cfg.Heads * (a.cfg.Latent.Nope + a.cfg.Latent.Value)
	rows, err := a.spread.share(b, layer, kvWidth+a.cfg.Latent.Rope, a.row)
	if err != nil {
		return err
	}
	b.pieces(a.rank, func(i int, p Piece, from int) {
		a.mix(run{from, from + p.N, b.Spread[i].Past + p.First}, latentKeys{rows[i], rows[i], kvWidth})
	})
	return nil
}

// row is what token t is looked up by, as a cache holds it.
func (a *latentAttention) row(dst []float32, t int) {
	kvWidth, downWidth := a.cfg.Heads*(a.cfg.Latent.Nope+a.cfg.Latent.Value), a.cfg.Latent.KVRank+a.cfg.Latent.Rope
	copy(dst, a.kv[t*kvWidth:(t+1)*kvWidth])
	copy(dst[kvWidth:], a.down[t*downWidth+a.cfg.Latent.KVRank:(t+1)*downWidth])
}

// queries computes q from n rows of x.
func (a *latentAttention) queries(x []float32, w *LatentWeights, n int) {
	c := a.cfg.Latent
	a.q = grow(a.q, n*a.cfg.Queries())
	if c.QueryRank == 0 {
		w.Q.MulTo(a.q, x, n)
		return
	}
	a.qDown = grow(a.qDown, n*c.QueryRank)
	w.QDown.MulTo(a.qDown, x, n)
	rmsNorm(a.qDown, a.qDown, w.QNorm, c.Eps)
	w.Q.MulTo(a.q, a.qDown, n)
}

// keysAndValues computes down and kv from n rows of x.
func (a *latentAttention) keysAndValues(x []float32, w *LatentWeights, n int) {
	c := a.cfg.Latent
	width := c.KVRank + c.Rope
	a.down, a.latent = grow(a.down, n*width), grow(a.latent, n*c.KVRank)
	w.KVDown.MulTo(a.down, x, n)
	for t := range n {
		rmsNorm(a.latent[t*c.KVRank:(t+1)*c.KVRank], a.down[t*width:][:c.KVRank], w.KVNorm, c.Eps)
	}
	a.kv = grow(a.kv, n*a.cfg.Heads*(c.Nope+c.Value))
	w.KVUp.MulTo(a.kv, a.latent, n)
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

// latentKeys is what tokens are looked up by: kv, of all heads, and the part of the keys that has
// a position, from a column on.
type latentKeys struct {
	kv, position paged
	column       int
}

// keys is what the tokens of sequence s of a batch are looked up by. With a cache, whose rows
// are the one behind the other, those of the tokens it brings join those in it.
func (a *latentAttention) keys(b Batch, s, layer int) latentKeys {
	from, to := int(b.Starts[s]), int(b.Starts[s+1])
	c := a.cfg.Latent
	kvWidth, downWidth := a.cfg.Heads*(c.Nope+c.Value), c.KVRank+c.Rope
	if b.Caches == nil {
		return latentKeys{
			kv:       paged{pages: [][]float32{a.kv[from*kvWidth : to*kvWidth]}, rows: to - from, stride: kvWidth},
			position: paged{pages: [][]float32{a.down[from*downWidth : to*downWidth]}, rows: to - from, stride: downWidth},
			column:   c.KVRank,
		}
	}
	cache := b.Caches[s]
	a.one = grow(a.one, kvWidth+c.Rope)
	for t := from; t < to; t++ {
		a.row(a.one, t)
		cache.store(layer, cache.length+t-from, a.one)
	}
	rows := cache.rows(layer)
	return latentKeys{rows, rows, kvWidth}
}

// mix adds the heads over a run.
func (a *latentAttention) mix(r run, keys latentKeys) {
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
	for h := range a.cfg.Heads {
		qh := q[h*a.cfg.HeadDim:]
		a.heads.add(head{
			n: to - from, past: r.past,
			dst:   columns{mixed[h*c.Value:], c.Value, outWidth},
			q:     [2]columns{{qh, c.Nope, a.cfg.Queries()}, {qh[c.Nope:], c.Rope, a.cfg.Queries()}},
			k:     [2]paged{keys.kv.columns(h*perHead, c.Nope), keys.position.columns(keys.column, c.Rope)},
			v:     keys.kv.columns(h*perHead+c.Nope, c.Value),
			scale: float32(scale),
			sink:  float32(math.Inf(-1)),
		})
	}
}
