package layers

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"capmoe/layers/kernel"
)

// headsOn computes heads of sequences of many lengths, with keys and values of a type, on so many threads, and returns their results.
func headsOn(t *testing.T, threads int, dtype kernel.DType) (results [][]float32) {
	t.Helper()
	lib, err := kernel.New(kernel.Options{Threads: threads, DType: dtype})
	if err != nil {
		t.Fatal(err)
	}
	hs := newHeads(lib)
	for range 2 { // what one run leaves behind is not in the next
		results = results[:0]
		for i, n := range []int{1, 200, 64, 3, 65, 1, 130} {
			r := randomHeads(uint64(i), n, 10*i, dtype)
			hs.add(r)
			results = append(results, r.dst.data)
		}
		hs.attend()
	}
	return results
}

func TestHeadsSameBitsOnAnyThreads(t *testing.T) {
	for _, dtype := range []kernel.DType{kernel.F32, kernel.BF16} {
		want := headsOn(t, 1, dtype)
		for _, threads := range []int{2, 3, 9} {
			for i, got := range headsOn(t, threads, dtype) {
				if !slices.Equal(got, want[i]) {
					t.Errorf("%v: run %d differs on %d threads", dtype, i, threads)
				}
			}
		}
	}
}

// A query's result is the same, bit for bit, whether its sequence comes whole or in pieces; a query that comes
// alone has it but for rounding.
func TestHeadSameBitsInAnyPieces(t *testing.T) {
	for _, lib := range []kernel.Library{kernel.Gonum(), newLibrary(t)} {
		for _, window := range []int{0, 50} {
			whole := randomHeads(7, 150, 0, kernel.F32)
			whole.window = window
			a := attender{lib: lib}
			a.attend(&whole, 0, whole.heads)
			want := slices.Clone(whole.dst.data)
			clear(whole.dst.data)
			for _, size := range []int{1, 7, 64, 149} {
				for from := 0; from < 150; from += size {
					piece := whole
					piece.past, piece.n = from, min(size, 150-from)
					piece.dst.data = whole.dst.from(from)
					for i := range piece.q {
						piece.q[i].data = whole.q[i].from(from)
					}
					a.attend(&piece, 0, piece.heads)
				}
				for i, got := range whole.dst.data {
					query := i / whole.dst.stride
					alone := min(size, 150-query/size*size) == 1
					if got != want[i] && (!alone || math.Abs(float64(got-want[i])) > 1e-6) {
						t.Fatalf("%s, window %d, pieces of %d tokens: query %d has %g, whole %g", lib.Name(), window, size, query, got, want[i])
					}
				}
			}
		}
	}
}

func newLibrary(t *testing.T) kernel.Library {
	t.Helper()
	lib, err := kernel.New(kernel.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return lib
}

// BenchmarkSingleQuery reads keys and values of 16 sequences, 16 heads of 128 in bf16, with one query each, on one thread, from memory: of whole
// pages, and of pages the last of which is full in part.
func BenchmarkSingleQuery(b *testing.B) {
	for _, keys := range []int{256, 272, 288, 304, 320} {
		b.Run(fmt.Sprintf("keys=%d", keys), func(b *testing.B) { readSingle(b, keys) })
	}
}

func readSingle(b *testing.B, tokens int) {
	const sequences, heads, width = 16, 16, 128
	lib, err := kernel.New(kernel.Options{Threads: 1, DType: kernel.BF16})
	if err != nil {
		b.Fatal(err)
	}
	pool := NewCachePool(Config{Layers: 2, Attention: AttentionConfig{Heads: heads, KVHeads: heads, HeadDim: width}}, kernel.BF16)
	row := kernel.NewValues(kernel.BF16, pool.width())
	caches := make([]*Cache, sequences)
	for i := range caches {
		caches[i] = pool.New()
		caches[i].reserve(tokens)
		for layer := range 2 {
			for pos := range tokens {
				caches[i].store(layer, pos, row)
			}
		}
	}
	hs, q, dst := newHeads(lib), make([]float32, heads*width), make([]float32, heads*width)
	b.SetBytes(int64(sequences * 2 * heads * width * 2 * tokens))
	for i := range b.N {
		for _, c := range caches {
			keys, page := c.rows(i%2), PageTokens*width
			hs.add(runHeads{
				head: head{
					n: 1, past: tokens - 1, dst: columns{dst, width, len(dst)}, q: [2]columns{{q, width, len(q)}},
					k: [2]paged{keys.columns(0, width)}, v: keys.columns(heads*width, width), scale: 0.1, sink: float32(math.Inf(-1)),
				},
				heads: heads, shared: 1, width: width, rows: [3]int{page, 0, page},
			})
		}
		hs.attend()
	}
}
