package attribution

import (
	"math"
	"reflect"
	"testing"
	"time"

	"capmoe/layers"
	"capmoe/layers/capacity"

	"pgregory.net/rapid"
)

func at(i int) *int { return &i }

func TestCauses(t *testing.T) {
	for _, c := range []struct {
		rule          string
		change        func(r *Run)
		slowest       int
		cause         Cause
		layer, expert *int
		seconds       Seconds // but for the exchanges
	}{
		{"ranks that are alike have no cause", func(*Run) {}, 0, NoCause, nil, nil, Seconds{}},
		{"rows beyond the mean are token imbalance, of the busiest expert", func(r *Run) { r.move(1, 5, 80) },
			2, TokenImbalance, at(1), at(5), Seconds{TokenImbalance: 0.066}},
		{"tokens beyond the mean are token imbalance, of no expert", func(r *Run) {
			r.Tokens[3] = 300
			for l := range 2 {
				r.set(3, l, layers.Attention, 0.3)
				r.load(3, l)
			}
		}, 3, TokenImbalance, at(0), nil, Seconds{TokenImbalance: 0.36}},
		{"more time for the same rows is slower hardware", func(r *Run) { r.set(1, 1, layers.Expert, 0.6) },
			1, SlowerHardware, at(1), nil, Seconds{SlowerHardware: 0.3}},
		{"more time for the same tokens is slower hardware", func(r *Run) { r.set(1, 0, layers.Attention, 0.5) },
			1, SlowerHardware, at(0), nil, Seconds{SlowerHardware: 0.3}},
		{"a slower rank comes later to exchanges too", func(r *Run) {
			for l := range 2 {
				for _, p := range []layers.Phase{layers.Attention, layers.Expert, layers.Dispatch} {
					r.set(1, l, p, 2*r.work(1, l, p))
				}
			}
		}, 1, SlowerHardware, at(0), nil, Seconds{SlowerHardware: 0.75 * (0.6 + 0.08)}},
		{"time before an exchange is arrival skew", func(r *Run) { r.set(2, 0, layers.Combine, 0.4) },
			2, ArrivalSkew, at(0), nil, Seconds{ArrivalSkew: 0.3}},
		{"a little is no cause", func(r *Run) { r.set(2, 0, layers.Combine, 0.001) }, 2, NoCause, nil, nil, Seconds{ArrivalSkew: 0.00075}},
		{"the largest of two is the cause", func(r *Run) {
			r.move(0, 5, 200)
			r.set(2, 1, layers.Plan, 0.1)
		}, 2, TokenImbalance, at(0), at(5), Seconds{TokenImbalance: 0.165, ArrivalSkew: 0.075}},
		{"a slow rank that has little to do is not the slowest", func(r *Run) {
			r.set(0, 0, layers.Expert, 0.25)
			r.move(0, 7, 100)
		}, 3, TokenImbalance, at(0), at(7), Seconds{TokenImbalance: 0.0825, SlowerHardware: -0.0125}},
		{"experts of a dense layer are in proportion to tokens", func(r *Run) {
			r.Dense[0], r.Load[0], r.Samples = true, nil, r.Samples[1:]
			r.Tokens[1] = 140
			for q := range 4 {
				r.set(q, 0, layers.Dispatch, 0)
			}
			for l := range 2 {
				r.set(1, l, layers.Attention, 0.14)
			}
			r.set(1, 0, layers.Expert, 0.28)
			r.load(1, 1)
		}, 1, TokenImbalance, at(0), nil, Seconds{TokenImbalance: 0.03*2 + 0.06 + 0.006}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			r := made(c.change)
			f := Attribute(r)
			if f.Slowest != c.slowest || f.Host != r.Hosts[c.slowest] || f.Cause != c.cause {
				t.Errorf("rank %d on %s, %v, want rank %d on %s, %v", f.Slowest, f.Host, f.Cause, c.slowest, r.Hosts[c.slowest], c.cause)
			}
			if !reflect.DeepEqual(f.Layer, c.layer) || !reflect.DeepEqual(f.Expert, c.expert) {
				t.Errorf("layer %v, expert %v, want %v and %v", f.Layer, f.Expert, c.layer, c.expert)
			}
			c.seconds.Wire = r.Wire
			if !near(f.Seconds.TokenImbalance, c.seconds.TokenImbalance) || !near(f.Seconds.SlowerHardware, c.seconds.SlowerHardware) || !near(f.Seconds.ArrivalSkew, c.seconds.ArrivalSkew) {
				t.Errorf("seconds %+v, want %+v", f.Seconds, c.seconds)
			}
			checkSums(t, r, f)
		})
	}
}

func near(a, b float64) bool { return math.Abs(a-b) <= 1e-9*(1+math.Abs(a)+math.Abs(b)) }

// checkSums holds a finding against the identities of the package.
func checkSums(t interface{ Errorf(string, ...any) }, r *Run, f *Finding) {
	s := f.Seconds
	if sum := f.MeanWork + s.TokenImbalance + s.SlowerHardware + s.ArrivalSkew; !near(sum, f.Work) {
		t.Errorf("mean work and its excess are %v, the slowest rank's work is %v", sum, f.Work)
	}
	inside := r.Wire
	for _, waited := range r.WaitedFor {
		inside += waited
	}
	if sum := s.Wire + s.Waiting + f.WaitingForOthers; !near(sum, inside) {
		t.Errorf("wire and waiting are %v, the mean rank's time in exchanges is %v", sum, inside)
	}
}

// drawRun draws a run of any ranks, layers, experts, times and loads.
func drawRun(t *rapid.T) *Run {
	ranks := rapid.IntRange(2, 7).Draw(t, "ranks")
	numLayers := rapid.IntRange(1, 4).Draw(t, "layers")
	experts := rapid.IntRange(ranks, 12).Draw(t, "experts")
	seconds := rapid.Custom(func(t *rapid.T) float64 { // as clocks tell them
		return time.Duration(rapid.Int64Range(0, 1e10).Draw(t, "ns")).Seconds()
	})
	count := rapid.Int64Range(0, 1000)
	r := &Run{TopK: 2, Wire: seconds.Draw(t, "wire"), Hosts: make([]string, ranks)}
	draw := func(n int, what string) []float64 { return rapid.SliceOfN(seconds, n, n).Draw(t, what) }
	r.WaitedFor = draw(ranks, "waited for")
	r.Work = draw(ranks*numLayers*int(layers.Phases), "work")
	r.Tokens = rapid.SliceOfN(count, ranks, ranks).Draw(t, "tokens")
	r.Rows = rapid.SliceOfN(count, ranks*numLayers, ranks*numLayers).Draw(t, "rows")
	for l := range numLayers {
		r.Dense = append(r.Dense, l > 0 && rapid.Bool().Draw(t, "dense"))
		load := rapid.SliceOfN(count, experts, experts).Draw(t, "load")
		r.Load, r.Held = append(r.Load, load), append(r.Held, layers.PlacementOf(capacity.Contiguous(experts, ranks)))
		if !r.Dense[l] {
			r.Samples = append(r.Samples, Sample{Layer: l, Tokens: 100, Before: load, After: load})
		}
	}
	return r
}

// Whatever was measured, the parts add up to the whole, and every number is one.
func TestPartsAddUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawRun(t)
		f := Attribute(r)
		if f == nil {
			return
		}
		checkSums(t, r, f)
		for rank := range r.ranks() {
			if r.total(rank) > f.Work {
				t.Errorf("rank %d works %v, the slowest %v", rank, r.total(rank), f.Work)
			}
		}
		if (f.Layer == nil) != (f.Cause == NoCause) || f.Expert != nil && f.Cause != TokenImbalance {
			t.Errorf("cause %v, layer %v, expert %v", f.Cause, f.Layer, f.Expert)
		}
		for _, c := range f.Counterfactual {
			if math.IsNaN(c.Saved) || math.IsInf(c.Saved, 0) {
				t.Errorf("%s would have saved %v", c.What, c.Saved)
			}
		}
		if f.String() == "" {
			t.Errorf("no words")
		}
	})
}

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		rule   string
		values []float64
		want   float64
	}{
		{"of none is 0", nil, 0},
		{"is the middle", []float64{3, 1, 2}, 2},
		{"is the lower of two", []float64{5, 4}, 4},
		{"is the lower in the middle", []float64{9, 2, 1, 3}, 2},
	} {
		if got := median(c.values); got != c.want {
			t.Errorf("%s: %v, want %v", c.rule, got, c.want)
		}
	}
}

func TestNothingToAttribute(t *testing.T) {
	one := &Run{Hosts: []string{"n0"}, Dense: []bool{false}, Work: []float64{0, 1, 0, 0, 0, 1, 0, 0}, Tokens: []int64{1}, Rows: []int64{1}}
	idle := made(func(r *Run) { clear(r.Work) })
	for rule, r := range map[string]*Run{"one rank has nobody to wait for it": one, "experts that did nothing": idle} {
		if f := Attribute(r); f != nil {
			t.Errorf("%s: %+v", rule, f)
		}
	}
}
