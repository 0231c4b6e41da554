package layers

import (
	"capmoe/collective"
	"capmoe/layers/kernel"
)

// keeper puts what tokens are looked up by, their keys and values, where attention finds them: in the caches of their sequences, or for
// the time of a layer in one of its own.
type keeper struct {
	spread *spreader
	row    func(dst kernel.Values, t int) // fills in that of a token of this rank, [width]

	rows    []kernel.Values // [threads, width]
	keeping *byRows
	run     run // under way
	cache   *Cache
	layer   int

	pool *CachePool // of one layer, for sequences without a cache
	lent []*Cache
	used int
}

func newKeeper(c collective.Communicator, p Parts, row func(dst kernel.Values, t int)) *keeper {
	cfg := p.Config
	cfg.Layers = 1
	k := &keeper{row: row, pool: NewCachePool(cfg, p.DType)}
	k.spread = newSpreader(c, p.Kernels, k)
	for range threadsOf(p.Kernels) {
		k.rows = append(k.rows, kernel.NewValues(p.DType, k.pool.width()))
	}
	k.keeping = newByRows(p.Kernels, k.store)
	return k
}

// begin takes back what was lent for the layer before.
func (k *keeper) begin() {
	for _, c := range k.lent[:k.used] {
		c.Free()
	}
	k.used = 0
}

// home is where n tokens of a sequence are kept in a layer: its cache, or where it has none one that is lent until begin.
func (k *keeper) home(c *Cache, layer, n int) (*Cache, int) {
	if c != nil {
		return c, layer
	}
	if k.used == len(k.lent) {
		k.lent = append(k.lent, k.pool.New())
	}
	c = k.lent[k.used]
	k.used++
	c.reserve(n)
	return c, 0
}

// keep is the rows of sequence s of a batch, [past+n, width]: those of the tokens it brings behind those in its cache.
func (k *keeper) keep(b Batch, s, layer int) (run, paged) {
	k.run = run{from: int(b.Starts[s]), to: int(b.Starts[s+1]), past: b.past(s)}
	n := k.run.to - k.run.from
	var own *Cache
	if b.Caches != nil {
		own = b.Caches[s]
	}
	k.cache, k.layer = k.home(own, layer, n)
	k.keeping.run(n)
	return k.run, k.cache.rows(k.layer)
}

// store keeps the rows of the run's tokens [first, end).
func (k *keeper) store(worker, first, end int) {
	row := k.rows[worker]
	for i := first; i < end; i++ {
		k.row(row, k.run.from+i)
		k.cache.store(k.layer, k.run.past+i, row)
	}
}
