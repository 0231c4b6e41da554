package tokenizer

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// mergeSlowly is merge in plain words: look at all pairs, take the one of least
// rank, of these the leftmost, again and again.
func mergeSlowly(ids []int32, merges map[tokenPair]merge) []int32 {
	ids = slices.Clone(ids)
	for {
		at, least := -1, merge{}
		for i := range len(ids) - 1 {
			m, ok := merges[tokenPair{ids[i], ids[i+1]}]
			if ok && (at < 0 || m.rank < least.rank) {
				at, least = i, m
			}
		}
		if at < 0 {
			return ids
		}
		ids = slices.Replace(ids, at, at+2, least.id)
	}
}

func TestMergeEqualsDefinition(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		letters := 1 + random.Int32N(4)
		merges := map[tokenPair]merge{}
		for rank := range random.Int32N(30) {
			pair := tokenPair{random.Int32N(letters + rank), random.Int32N(letters + rank)}
			if _, ok := merges[pair]; !ok {
				merges[pair] = merge{rank, letters + rank}
			}
		}
		w := word{ids: make([]int32, random.IntN(60))}
		for i := range w.ids {
			w.ids[i] = random.Int32N(letters)
		}
		ids := slices.Clone(w.ids)
		w.merge(merges)
		if got, want := w.appendTo(nil), mergeSlowly(ids, merges); !slices.Equal(got, want) {
			t.Fatalf("%v with %v: got %v, want %v", ids, merges, got, want)
		}
	}
}

func TestMergeReusesItsMemory(t *testing.T) {
	merges := map[tokenPair]merge{{0, 0}: {0, 1}, {1, 1}: {1, 2}}
	var w word
	allocations := testing.AllocsPerRun(10, func() {
		w.ids = append(w.ids[:0], 0, 0, 0, 0, 0, 0, 0)
		w.merge(merges)
	})
	if allocations != 0 {
		t.Errorf("%v allocations a word, want 0", allocations)
	}
}

func TestCacheIsBounded(t *testing.T) {
	c := newCache()
	for i := range 3 * cacheWords {
		c.put(string(rune('a'+i%26))+string(rune(i+0x10000)), []int32{int32(i)})
		if len(c.ids) > cacheWords {
			t.Fatalf("%d words, want %d at most", len(c.ids), cacheWords)
		}
	}
	long := string(make([]byte, cacheWordSize+1))
	c.put(long, []int32{1})
	if _, ok := c.get(long); ok {
		t.Errorf("a word of %d bytes is kept, want %d at most", len(long), cacheWordSize)
	}
	ids := []int32{7}
	c.put("word", ids)
	ids[0] = 8
	if got, ok := c.get("word"); !ok || !slices.Equal(got, []int32{7}) {
		t.Errorf("got %v, want the ids at the time of put", got)
	}
}
