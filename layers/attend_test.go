package layers

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"capmoe/layers/kernel"
)

// Windows, sinks, pages and blocks of queries change nothing but what they are for, whatever keys and values are kept in.
func TestHeadEqualsPlainLoops(t *testing.T) {
	lib, err := kernel.New(kernel.Options{DType: kernel.BF16})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		dtype kernel.DType
		fast  kernel.Attender
		off   float64 // at most
	}{
		{"f32", kernel.F32, nil, 2e-6},
		{"bf16", kernel.BF16, nil, 2e-6},
		{"bf16, the kernels' own way", kernel.BF16, lib.NewAttender(), 3e-2}, // queries and probabilities are rounded there
	} {
		a := attender{lib: lib, fast: c.fast}
		t.Run(c.name, func(t *testing.T) { testHeads(t, &a, c.dtype, c.off) })
	}
}

func testHeads(t *testing.T, a *attender, dtype kernel.DType, off float64) {
	none := float32(math.Inf(-1))
	for _, n := range []int{1, 2, queryBlock - 1, queryBlock, queryBlock + 1, 2*queryBlock + 9} {
		for _, past := range []int{0, 5, queryBlock, 2*queryBlock - 1} {
			for _, window := range []int{0, 1, 3, queryBlock, 100} {
				for _, sink := range []float32{none, 0.7} {
					t.Run(fmt.Sprintf("n=%d past=%d window=%d sink=%v", n, past, window, sink), func(t *testing.T) {
						r := randomHeads(uint64(n+past+window), n, past, dtype)
						r.window, r.sink = window, sink
						if sink != none {
							r.sinks = []float32{sink, none, -sink, 2 * sink}
						}
						a.attend(&r, 0, 2)
						a.attend(&r, 2, 4)
						for i := range r.heads {
							checkHead(t, r.at(i), off)
						}
						checkBeside(t, r)
					})
				}
			}
		}
	}
}

// randomHeads is four heads of two parts, of widths 4 and 2, and values of width 3, among other columns. Two each look at the same keys and values; the
// second part of keys is one for all.
func randomHeads(seed uint64, n, past int, dtype kernel.DType) runHeads {
	r := rand.New(rand.NewPCG(seed, 1))
	random := func(n int) []float32 {
		v := make([]float32, n)
		for i := range v {
			v[i] = float32(r.NormFloat64())
		}
		return v
	}
	const heads, group = 4, 11
	var pages []kernel.Values
	for at := 0; at < past+n; at += PageTokens {
		page := kernel.NewValues(dtype, PageTokens*2*group)
		page.Put(kernel.Values{F32: random(PageTokens * 2 * group)})
		pages = append(pages, page)
	}
	rows := paged{pages: pages, groups: []int{0, group, 2 * group}}
	q := random(n * heads * 7)
	return runHeads{
		head: head{
			n: n, past: past, scale: 0.6,
			dst: columns{make([]float32, n*besideResults), 3, besideResults},
			q:   [2]columns{{q, 4, heads * 7}, {q[5:], 2, heads * 7}},
			k:   [2]paged{rows.columns(1, 4), rows.columns(6, 2)},
			v:   rows.columns(8, 3),
		},
		heads: heads, shared: 2, width: 7, rows: [3]int{PageTokens * group, 0, PageTokens * group},
	}
}

// besideResults is the columns of results of four heads and two more.
const besideResults = 4*3 + 2

func (p paged) at(row, column int) float64 {
	return float64(p.rows(row, 1).Slice(column, column+1).Float32(make([]float32, 1))[0])
}

func checkHead(t *testing.T, h head, off float64) {
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
			if got := float64(h.dst.from(i)[c]); math.Abs(got-w/sum) > off {
				t.Fatalf("query %d, value %d is %v, want %v", i, c, got, w/sum)
			}
		}
	}
}

// checkBeside finds nothing in the columns beside those of the heads.
func checkBeside(t *testing.T, r runHeads) {
	t.Helper()
	for i := range r.n {
		for c := r.heads * r.dst.width; c < besideResults; c++ {
			if r.dst.data[i*besideResults+c] != 0 {
				t.Fatalf("column %d beside the heads of query %d became %v", c, i, r.dst.data[i*besideResults+c])
			}
		}
	}
}
