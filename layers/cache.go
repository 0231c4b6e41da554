package layers

// PageTokens is the number of tokens of a page. It is the attention's block of queries:
// a sequence in pieces that end at multiples of it goes through the very products that
// it goes through whole.
const PageTokens = queryBlock

// CachePool lends the pages of many sequences' caches, and takes them back. It is used
// by one goroutine at a time.
//
//	Cache ─ pages ─▶ page [layers, PageTokens, width] ─ row: keys of all heads, then values
//
// Pages hold all layers: those whose attention sees a window only keep what is out of
// it. A latent attention's rows are the keys and values that are made of its latent
// vectors.
type CachePool struct {
	layers int
	width  int // of a row
	free   [][]float32
}

// NewCachePool makes a pool for a model. It holds no memory until a sequence needs it.
func NewCachePool(cfg Config) *CachePool {
	return &CachePool{layers: cfg.Layers, width: cfg.Attention.cacheWidth()}
}

// cacheWidth is the number of values that a token's keys and values take in a layer.
func (c AttentionConfig) cacheWidth() int {
	if l := c.Latent; l.On() {
		return c.Heads*(l.Nope+l.Value) + l.Rope
	}
	return 2 * c.Values()
}

// TokenBytes is the memory that a token's keys and values take in all layers.
func (p *CachePool) TokenBytes() int { return 4 * p.layers * p.width }

// New starts an empty cache.
func (p *CachePool) New() *Cache { return &Cache{pool: p} }

func (p *CachePool) take() []float32 {
	if n := len(p.free); n > 0 {
		page := p.free[n-1]
		p.free = p.free[:n-1]
		return page
	}
	return make([]float32, p.layers*PageTokens*p.width)
}

// Cache is the keys and values of one sequence's tokens so far, in all layers.
type Cache struct {
	pool   *CachePool
	pages  [][]float32
	length int
	view   [][]float32 // of pages, in the layer asked for last
}

// Len is the number of tokens whose keys and values are there.
func (c *Cache) Len() int { return c.length }

// Free gives the pages back. The cache is empty then.
func (c *Cache) Free() {
	c.pool.free = append(c.pool.free, c.pages...)
	c.pages, c.length = c.pages[:0], 0
}

// reserve makes room for n more tokens.
func (c *Cache) reserve(n int) {
	for len(c.pages)*PageTokens < c.length+n {
		c.pages = append(c.pages, c.pool.take())
	}
}

// row is where the keys and values of the token at a position are in a layer, [width].
func (c *Cache) row(layer, pos int) []float32 {
	w := c.pool.width
	at := (layer*PageTokens + pos%PageTokens) * w
	return c.pages[pos/PageTokens][at : at+w]
}

// layer is the pages of one layer, each [PageTokens, width], until the next call.
func (c *Cache) layer(layer int) [][]float32 {
	size := PageTokens * c.pool.width
	c.view = c.view[:0]
	for _, page := range c.pages {
		c.view = append(c.view, page[layer*size:(layer+1)*size])
	}
	return c.view
}
