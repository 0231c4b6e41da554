package layers

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"capmoe/layers/kernel"
)

// Windows, sinks, pages and blocks of queries change nothing but what they are for.
func TestHeadEqualsPlainLoops(t *testing.T) {
	lib, err := kernel.New(kernel.Options{})
	if err != nil {
		t.Fatal(err)
	}
	none := float32(math.Inf(-1))
	a := attender{lib: lib}
	for _, n := range []int{1, 2, queryBlock - 1, queryBlock, queryBlock + 1, 2*queryBlock + 9} {
		for _, past := range []int{0, 5, queryBlock, 2*queryBlock - 1} {
			for _, window := range []int{0, 1, 3, queryBlock, 100} {
				for _, sink := range []float32{none, 0.7} {
					t.Run(fmt.Sprintf("n=%d past=%d window=%d sink=%v", n, past, window, sink), func(t *testing.T) {
						h := randomHead(uint64(n+past+window), n, past)
						h.window, h.sink = window, sink
						a.attend(h)
						checkHead(t, h)
					})
				}
			}
		}
	}
}

// randomHead is a head of two parts, of widths 4 and 2, and values of width 3, among
// other columns.
func randomHead(seed uint64, n, past int) head {
	r := rand.New(rand.NewPCG(seed, 1))
	random := func(n int) []float32 {
		v := make([]float32, n)
		for i := range v {
			v[i] = float32(r.NormFloat64())
		}
		return v
	}
	var pages [][]float32
	for at := 0; at < past+n; at += PageTokens {
		pages = append(pages, random(PageTokens*11))
	}
	rows := paged{pages: pages, rows: PageTokens, stride: 11}
	q := random(n * 7)
	return head{
		n: n, past: past, scale: 0.6,
		dst: columns{make([]float32, n*5), 3, 5},
		q:   [2]columns{{q, 4, 7}, {q[5:], 2, 7}},
		k:   [2]paged{rows.columns(1, 4), rows.columns(6, 2)},
		v:   rows.columns(8, 3),
	}
}

func (p paged) at(row, column int) float64 {
	return float64(p.pages[row/p.rows][row%p.rows*p.stride+p.column+column])
}

func checkHead(t *testing.T, h head) {
	t.Helper()
	for i := range h.n {
		pos := h.past + i
		sum := math.Exp(float64(h.sink))
		var want [3]float64
		for key := range pos + 1 {
			if h.window > 0 && pos-key >= h.window {
				continue
			}
			score := 0.0
			for part, q := range h.q {
				for c := range q.width {
					score += float64(q.from(i)[c]) * h.k[part].at(key, c)
				}
			}
			p := math.Exp(score * float64(h.scale))
			sum += p
			for c := range want {
				want[c] += p * h.v.at(key, c)
			}
		}
		for c, w := range want {
			if got := float64(h.dst.from(i)[c]); math.Abs(got-w/sum) > 2e-6 {
				t.Fatalf("query %d, value %d is %v, want %v", i, c, got, w/sum)
			}
		}
		for c := 3; c < 5; c++ {
			if h.dst.data[i*5+c] != 0 {
				t.Fatalf("column %d beside the head of query %d became %v", c, i, h.dst.data[i*5+c])
			}
		}
	}
}
