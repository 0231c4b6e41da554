package kernel

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// headCase is a head of attention in one piece.
type headCase struct {
	HeadSizes
	first   int // place of the first query
	window  int
	sink    float32
	scale   float32
	q, k, v []float32 // [n, Width], [Keys, Width], [Keys, Value]
}

func drawHead(t *rapid.T) headCase {
	c := headCase{scale: 0.3, sink: -inf}
	c.Keys = rapid.IntRange(1, 300).Draw(t, "keys")
	c.Width, c.Value = rapid.IntRange(1, 100).Draw(t, "width"), rapid.IntRange(1, 100).Draw(t, "value")
	c.first = rapid.IntRange(0, (c.Keys-1)/AttendRows).Draw(t, "past blocks") * AttendRows
	if rapid.Bool().Draw(t, "windowed") {
		c.window = rapid.IntRange(1, 200).Draw(t, "window")
	}
	if rapid.Bool().Draw(t, "sink") {
		c.sink = 0.5
	}
	seed := rapid.Uint64().Draw(t, "seed")
	c.q, c.k, c.v = random(seed, (c.Keys-c.first)*c.Width, 1), random(seed+1, c.Keys*c.Width, 1), random(seed+2, c.Keys*c.Value, 1)
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

// plain is the result of a query in float64, and the most that a value may be off.
func (c headCase) plain(query int) (want []float64) {
	at := query - c.first
	scores := make([]float64, query+1)
	top := float64(c.sink)
	for j := c.seen(query); j <= query; j++ {
		for i := range c.Width {
			scores[j] += float64(c.scale) * float64(c.q[at*c.Width+i]) * float64(c.k[j*c.Width+i])
		}
		top = max(top, scores[j])
	}
	sum := math.Exp(float64(c.sink) - top)
	want = make([]float64, c.Value)
	for j := c.seen(query); j <= query; j++ {
		p := math.Exp(scores[j] - top)
		sum += p
		for i := range want {
			want[i] += p * float64(c.v[j*c.Value+i])
		}
	}
	for i := range want {
		want[i] /= sum
	}
	return want
}

func TestAttender(t *testing.T) {
	lib, err := New(Options{DType: BF16})
	if err != nil {
		t.Fatal(err)
	}
	a, other := lib.NewAttender(), lib.NewAttender()
	if a == nil {
		t.Skipf("Gemm is as good on this CPU: %s", lib.Name())
	}
	rapid.Check(t, func(t *rapid.T) {
		c := drawHead(t)
		got := c.run(a, 1+c.Keys/AttendRows, 0)
		for query := c.first; query < c.Keys; query += 1 + c.Keys/9 {
			for i, want := range c.plain(query) {
				if v := got[(query-c.first)*c.Value+i]; !(math.Abs(float64(v)-want) <= 1e-4) {
					t.Fatalf("value %d of query %d is %g, want %g", i, query, v, want)
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
