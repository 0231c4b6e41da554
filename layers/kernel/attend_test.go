//go:build cgo && !noonednn

package kernel

import (
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// headCase is a head of attention in one piece.
type headCase struct {
	HeadSizes
	first  int // place of the first query
	window int
	sink   float32
	scale  float32
	q      []float32 // [n, Width]
	k, v   []uint16  // [Keys, Width], [Keys, Value]
}

func drawHead(t *rapid.T) headCase {
	c := headCase{scale: 0.3, sink: -inf}
	c.Keys = rapid.IntRange(1, 700).Draw(t, "keys")
	c.Width, c.Value = rapid.IntRange(1, 100).Draw(t, "width"), rapid.IntRange(1, 100).Draw(t, "value")
	c.first = rapid.IntRange(0, (c.Keys-1)/AttendRows).Draw(t, "past blocks") * AttendRows
	if rapid.Bool().Draw(t, "windowed") {
		c.window = rapid.IntRange(1, 500).Draw(t, "window")
	}
	if rapid.Bool().Draw(t, "sink") {
		c.sink = 0.5
	}
	seed := rapid.Uint64().Draw(t, "seed")
	c.q, c.k, c.v = random(seed, (c.Keys-c.first)*c.Width, 1), inBF16(random(seed+1, c.Keys*c.Width, 1)), inBF16(random(seed+2, c.Keys*c.Value, 1))
	return c
}

// seen is the first key that a query sees.
func (c headCase) seen(query int) int {
	if c.window == 0 {
		return 0
	}
	return max(0, query-c.window+1)
}

// run computes the head: keys come in pieces of some blocks, their columns in two parts cut after the given one.
func (c headCase) run(a Attender, pieces, cut int) []float32 {
	a.Start(c.HeadSizes)
	for first := c.seen(c.first) / AttendRows * AttendRows; first < c.Keys; first += pieces * AttendRows {
		n := min(pieces*AttendRows, c.Keys-first)
		c.parts(cut, func(column, width int) {
			a.Keys(c.k[first*c.Width+column:], Columns{First: first, N: n, Column: column, Width: width, Stride: c.Width})
		})
		a.Values(c.v[first*c.Value:], Columns{First: first, N: n, Width: c.Value, Stride: c.Value})
	}
	dst := slices.Repeat([]float32{nan}, (c.Keys-c.first)*c.Value)
	for first := c.first; first < c.Keys; first += AttendRows {
		end := min(first+AttendRows, c.Keys)
		at := first - c.first
		c.parts(cut, func(column, width int) {
			a.Queries(c.q[at*c.Width+column:], Columns{N: end - first, Column: column, Width: width, Stride: c.Width}, c.scale)
		})
		a.Attend(dst[at*c.Value:], AttentionBlock{First: first, End: end, Window: c.window, Sink: c.sink, Stride: c.Value})
	}
	return dst
}

func (c headCase) parts(cut int, do func(column, width int)) {
	if cut <= 0 || cut >= c.Width {
		do(0, c.Width)
		return
	}
	do(0, cut)
	do(cut, c.Width-cut)
}

// plain is the result of a query in float64, of the query as it is rounded, and the most that each value may be off.
func (c headCase) plain(query int) (want, bound []float64) {
	at := query - c.first
	q, k, v := make([]float32, c.Width), Values{BF16: c.k}, Values{BF16: c.v}
	for i := range q {
		q[i] = RoundBF16(c.q[at*c.Width+i] * float32(c.scale*math.Log2E))
	}
	scores := make([]float64, query+1)
	sink := float64(c.sink) * math.Log2E
	top := sink
	for j := c.seen(query); j <= query; j++ {
		for i := range q {
			scores[j] += float64(q[i]) * float64(k.at(j*c.Width+i))
		}
		top = max(top, scores[j])
	}
	sum := math.Exp2(sink - top)
	want, bound = make([]float64, c.Value), make([]float64, c.Value)
	for j := c.seen(query); j <= query; j++ {
		p := math.Exp2(scores[j] - top)
		sum += p
		for i := range want {
			x := p * float64(v.at(j*c.Value+i))
			want[i] += x
			bound[i] += math.Abs(x)
		}
	}
	for i := range want {
		want[i] /= sum
		bound[i] *= (0x1p-8 + 0x1p-14) / sum // exponentials are rounded to bf16, sums to float32
	}
	return want, bound
}

func TestAttender(t *testing.T) {
	made := false
	for kind, name := range panelNames {
		if !strings.HasSuffix(name, " bf16") || !panelsUsable(int32(kind)) {
			continue
		}
		lib := mustPanels(t, Options{DType: BF16}, int32(kind))
		if a := lib.NewAttender(); a != nil {
			made = true
			t.Run(name, func(t *testing.T) { testAttender(t, a, lib.NewAttender()) })
		}
	}
	if !made {
		t.Skip("Gemm is as good on this CPU, which has no products of bf16")
	}
}

func testAttender(t *testing.T, a, other Attender) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawHead(t)
		got := c.run(a, 1+c.Keys/AttendRows, 0)
		for query := c.first; query < c.Keys; query += 1 + c.Keys/9 {
			want, bound := c.plain(query)
			for i := range want {
				if v := got[(query-c.first)*c.Value+i]; !(math.Abs(float64(v)-want[i]) <= bound[i]) {
					t.Fatalf("value %d of query %d is %g, want %g within %g", i, query, v, want[i], bound[i])
				}
			}
		}
		if i := firstDifference(c.run(other, 1, rapid.IntRange(0, c.Width/2).Draw(t, "cut")*2), got); i >= 0 {
			t.Errorf("keys in pieces: value %d of query %d differs", i%c.Value, c.first+i/c.Value)
		}
		if n := c.first + AttendRows; n < c.Keys { // the first block alone, of a shorter head
			less := c
			less.Keys = n
			less.q, less.k, less.v = c.q[:AttendRows*c.Width], c.k[:n*c.Width], c.v[:n*c.Value]
			if i := firstDifference(less.run(a, 2, 0), got[:AttendRows*c.Value]); i >= 0 {
				t.Errorf("a shorter head: value %d of query %d differs", i%c.Value, c.first+i/c.Value)
			}
		}
	})
}
