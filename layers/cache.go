package layers

import "capmoe/layers/kernel"

// PageTokens is the number of tokens of a page. It is the attention's block of queries:
// a sequence in pieces that end at multiples of it goes through the very products that
// it goes through whole.
const PageTokens = queryBlock

// Pages is how many pieces n tokens of a prompt, 1 or more, may be cut into. They begin at multiples of PageTokens, and the last token is not
// a piece by itself: its products would be those of a token that is generated, which have other bits.
func Pages(n int) int { return max(1, (n-2+PageTokens)/PageTokens) }

// Border is where piece i of n tokens begins that are cut into some pieces of nearly equal size, at most Pages(n); the last ends at Border(n, pieces, pieces).
func Border(n, pieces, i int) int {
	if i == pieces {
		return n
	}
	return Pages(n) * i / pieces * PageTokens
}

// CachePool lends the pages of many sequences' caches, and takes them back. It is used
// by one goroutine at a time.
//
//	Cache ─ pages ─▶ page [layers, heads, PageTokens, width of a head]
//	row of a token: keys of each head, then values of each; or of a latent attention, its heads' keys and
//	values, then what of the keys has a position
//
// A token's row is laid out by heads, so that one head reads its keys from neighbouring
// memory. Pages hold all layers: those whose attention sees a window only keep what is out
// of it. A latent attention's keys and values are those that are made of its latent vectors.
type CachePool struct {
	dtype  kernel.DType
	layers int
	groups []int // where each head's columns of a row begin; the last entry is the width of a row
	free   []kernel.Values
	pages  int // there are, lent and free
}

// mostAtOnce bounds the memory that a pool takes at a time.
const mostAtOnce = 32 << 20 // bytes

// NewCachePool makes a pool for a model whose matrices are of a type: keys and values are kept in it. It holds no memory until a
// sequence needs it.
func NewCachePool(cfg Config, dtype kernel.DType) *CachePool {
	return &CachePool{dtype: dtype, layers: cfg.Layers, groups: cfg.Attention.cacheGroups()}
}

func (p *CachePool) width() int { return p.groups[len(p.groups)-1] }

// cacheGroups is where the columns of each head begin in a token's row of keys and values.
func (c AttentionConfig) cacheGroups() (starts []int) {
	heads, width := 2*c.KVHeads, c.HeadDim
	if c.Latent.On() {
		heads, width = c.Heads, c.Latent.Nope+c.Latent.Value
	}
	for h := range heads + 1 {
		starts = append(starts, h*width)
	}
	if c.Latent.On() {
		starts = append(starts, heads*width+c.Latent.Rope)
	}
	return starts
}

// TokenBytes is the memory that a token's keys and values take in all layers.
func (p *CachePool) TokenBytes() int { return p.dtype.Bytes() * p.layers * p.width() }

// New starts an empty cache.
func (p *CachePool) New() *Cache { return &Cache{pool: p} }

func (p *CachePool) take() kernel.Values {
	if len(p.free) == 0 {
		p.enlarge()
	}
	n := len(p.free) - 1
	page := p.free[n]
	p.free = p.free[:n]
	return page
}

// enlarge makes as many pages as there are, but enough to lie in a huge page, and within bounds.
func (p *CachePool) enlarge() {
	size := p.layers * PageTokens * p.width()
	bytes := p.dtype.Bytes() * size
	n := max(1, min(max(p.pages, kernel.HugePage/bytes), mostAtOnce/bytes))
	memory := kernel.NewValues(p.dtype, n*size)
	for i := range n {
		p.free = append(p.free, memory.Slice(i*size, (i+1)*size))
	}
	p.pages += n
}

// Cache is the keys and values of one sequence's tokens so far, in all layers.
type Cache struct {
	pool   *CachePool
	pages  []kernel.Values
	length int
	view   []kernel.Values // of pages, in the layer asked for last
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

// store keeps the row of the token at a position of a layer, which is of the pool's type.
func (c *Cache) store(layer, pos int, row kernel.Values) {
	groups := c.pool.groups
	page := c.pages[pos/PageTokens].From(layer * PageTokens * c.pool.width())
	for g, start := range groups[:len(groups)-1] {
		end := groups[g+1]
		page.From(PageTokens*start + pos%PageTokens*(end-start)).Put(row.Slice(start, end))
	}
}

// rows is the rows of one layer, until the next call.
func (c *Cache) rows(layer int) paged {
	size := PageTokens * c.pool.width()
	c.view = c.view[:0]
	for _, page := range c.pages {
		c.view = append(c.view, page.Slice(layer*size, (layer+1)*size))
	}
	return paged{pages: c.view, groups: c.pool.groups}
}
