package layers

import (
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

// A query's result is the same, bit for bit, whether its sequence comes whole or in pieces; a query that comes alone, but
// for the first of a block, has it but for rounding.
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
					alone := min(size, 150-query/size*size) == 1 && query%queryBlock != 0
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
