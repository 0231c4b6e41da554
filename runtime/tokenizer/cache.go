package tokenizer

import (
	"slices"
	"strings"
	"sync"
)

// Bounds of a cache: some 10 MB at most.
const (
	cacheWords    = 1 << 16
	cacheWordSize = 64 // bytes
)

// cache remembers the ids of words. Texts are made of few words; once it is
// full it starts anew. It may be used by many goroutines.
type cache struct {
	mu  sync.RWMutex
	ids map[string][]int32
}

func newCache() *cache { return &cache{ids: map[string][]int32{}} }

// get returns the ids of a word, which the caller only reads.
func (c *cache) get(text string) ([]int32, bool) {
	if len(text) > cacheWordSize {
		return nil, false
	}
	c.mu.RLock()
	defer c.mu.RUnlock()
	ids, ok := c.ids[text]
	return ids, ok
}

// put copies both, as text may be a part of a much larger one.
func (c *cache) put(text string, ids []int32) {
	if len(text) > cacheWordSize {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.ids) >= cacheWords {
		clear(c.ids)
	}
	c.ids[strings.Clone(text)] = slices.Clone(ids)
}
