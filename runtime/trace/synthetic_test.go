package trace

import (
	"math"
	"slices"
	"strings"
	"testing"

	"capmoe/layers/capacity"

	"pgregory.net/rapid"
)

// topOf lists every token's top K of the i-th layer of a step, best first.
func topOf(t testing.TB, s Step, info Info, i int) []uint16 {
	t.Helper()
	rows := make([]float32, s.Tokens*info.Experts)
	s.Rows(rows, i, 0, s.Tokens)
	var c Choices
	if err := c.best(rows, info.Experts, info.TopK, 0); err != nil {
		t.Fatal(err)
	}
	return c.Expert
}

// loadsOf counts choices by expert.
func loadsOf(chosen []uint16, experts int) []int64 {
	loads := make([]int64, experts)
	for _, e := range chosen {
		loads[e]++
	}
	return loads
}

// stepsOf reads all of a made stream.
func stepsOf(t testing.TB, s Synthetic) (steps []Step, info Info) {
	t.Helper()
	stream, err := s.Stream()
	if err != nil {
		t.Fatal(err)
	}
	if err := Each(stream, func(s Step) error { steps = append(steps, s); return nil }); err != nil {
		t.Fatal(err)
	}
	return steps, stream.Info()
}

func sizes(kind Kind) Synthetic {
	return Synthetic{Kind: kind, Exponent: 1, Experts: 32, TopK: 4, Layers: 2, Steps: 4, StepTokens: 512, Ranks: 4, Seed: 5}
}

// Whatever part of a step is asked for, and however often, the scores are the same; they
// are a softmax; and another seed has others.
func TestMadeRoutingFollowsTheSeed(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		s := Synthetic{
			Kind: Kind(rapid.IntRange(0, int(ZeroLoad)).Draw(r, "kind")), Exponent: 1, Experts: rapid.IntRange(4, 40).Draw(r, "E"), TopK: 2, Layers: 2, Steps: 2,
			StepTokens: rapid.IntRange(1, 50).Draw(r, "T"), Ranks: rapid.IntRange(1, 2).Draw(r, "P"), Seed: rapid.Uint64().Draw(r, "seed"),
		}
		rows := func(s Synthetic, from, to int) []float32 {
			steps, info := stepsOf(t, s)
			dst := make([]float32, (to-from)*info.Experts)
			steps[1].Rows(dst, 1, from, to)
			return dst
		}
		all := rows(s, 0, s.StepTokens)
		from := rapid.IntRange(0, s.StepTokens-1).Draw(r, "from")
		to := rapid.IntRange(from, s.StepTokens).Draw(r, "to")
		if part := rows(s, from, to); !slices.Equal(part, all[from*s.Experts:to*s.Experts]) {
			r.Fatalf("tokens %d to %d differ from themselves among all", from, to)
		}
		for t := range s.StepTokens {
			total := 0.0
			for _, v := range all[t*s.Experts : (t+1)*s.Experts] {
				total += float64(v)
			}
			if math.Abs(total-1) > 1e-5 {
				r.Fatalf("scores of token %d add up to %v", t, total)
			}
		}
		s.Seed++
		if slices.Equal(rows(s, 0, s.StepTokens), all) {
			r.Fatal("another seed has the same scores")
		}
	})
}

func TestUniformIsEven(t *testing.T) {
	s := sizes(Uniform)
	s.StepTokens = 1 << 14
	steps, info := stepsOf(t, s)
	loads := loadsOf(topOf(t, steps[0], info, 1), 32)
	mean := float64(1<<14*4) / 32
	for e, n := range loads {
		if math.Abs(float64(n)-mean) > 5*math.Sqrt(mean) {
			t.Errorf("expert %d has %d pairs, want about %v", e, n, mean)
		}
	}
}

// First choices follow the law of Zipf: the i-th most popular expert has i^-S of the
// most popular one's.
func TestZipfFollowsTheLaw(t *testing.T) {
	for _, exponent := range []float64{0, 0.5, 1, 1.5} {
		s := sizes(Zipf)
		s.Exponent, s.StepTokens = exponent, 1<<15
		steps, info := stepsOf(t, s)
		var first []uint16
		for i, e := range topOf(t, steps[0], info, 0) {
			if i%4 == 0 {
				first = append(first, e)
			}
		}
		loads := loadsOf(first, 32)
		slices.SortFunc(loads, func(a, b int64) int { return int(b - a) })
		total := 0.0
		for i := range loads {
			total += math.Pow(float64(i+1), -exponent)
		}
		for i, n := range loads {
			want := float64(1<<15) * math.Pow(float64(i+1), -exponent) / total
			if math.Abs(float64(n)-want) > 6*math.Sqrt(want) {
				t.Errorf("exponent %v: place %d has %d first choices, want about %.0f", exponent, i, n, want)
			}
		}
	}
}

func TestSkewedIsAsOfATrainedRouter(t *testing.T) {
	s := Synthetic{Kind: Skewed, Experts: 64, TopK: 8, Layers: 8, Steps: 1, StepTokens: 2048, Ranks: 1, Seed: 1}
	steps, info := stepsOf(t, s)
	var ratios []float64
	for i := range s.Layers {
		ratios = append(ratios, capacity.MaxOverMean(loadsOf(topOf(t, steps[0], info, i), 64)))
	}
	if median, _ := middle(ratios); median < 4 || median > 6 {
		t.Errorf("load max/mean %v, want about 5", ratios)
	}
}

func TestHotExpertIsEverybodysFirst(t *testing.T) {
	steps, info := stepsOf(t, sizes(HotExpert))
	for i := range info.Layers {
		hot := topOf(t, steps[0], info, i)[0]
		for _, s := range steps {
			for at, e := range topOf(t, s, info, i) {
				if at%4 == 0 && e != hot {
					t.Fatalf("layer %d: token %d chooses expert %d first, others %d", i, at/4, e, hot)
				}
			}
		}
	}
}

func TestTheHotspotRotates(t *testing.T) {
	steps, info := stepsOf(t, sizes(Rotating))
	seen := map[uint16]bool{}
	for _, s := range steps {
		chosen := topOf(t, s, info, 0)
		if n := loadsOf(chosen, 32)[chosen[0]]; n != 512 {
			t.Errorf("step %d: the hot expert has %d pairs of 512 tokens", s.Number, n)
		}
		seen[chosen[0]] = true
	}
	if len(seen) != len(steps) {
		t.Errorf("%d hot experts in %d steps", len(seen), len(steps))
	}
}

func TestTheHotRankIsHot(t *testing.T) {
	s := sizes(HotRank)
	steps, info := stepsOf(t, s)
	for i := range info.Layers {
		loads := capacity.Contiguous(32, 4).RankLoads(loadsOf(topOf(t, steps[0], info, i), 32))
		slices.Sort(loads)
		if ratio := float64(loads[3]) / float64(loads[2]); ratio < 2 || loads[2] > 2*loads[0] {
			t.Errorf("layer %d: rank loads %v, want one above the others", i, loads)
		}
	}
}

func TestIdleRanksHaveNoLoad(t *testing.T) {
	for _, ranks := range []int{1, 2, 3, 4, 8} {
		s := sizes(ZeroLoad)
		s.Ranks = ranks
		steps, info := stepsOf(t, s)
		for i := range info.Layers {
			idle := 0
			for _, n := range capacity.Contiguous(32, ranks).RankLoads(loadsOf(topOf(t, steps[3], info, i), 32)) {
				if n == 0 {
					idle++
				}
			}
			if idle != ranks/2 {
				t.Errorf("P=%d: %d ranks without load, want %d", ranks, idle, ranks/2)
			}
		}
	}
}

// In some steps half of the tokens choose the same experts; in the others none do.
func TestBursts(t *testing.T) {
	s := sizes(Burst)
	s.Steps = 40
	steps, info := stepsOf(t, s)
	bursts := 0
	for _, step := range steps {
		loads := loadsOf(topOf(t, step, info, 0), 32)
		slices.Sort(loads)
		if loads[28] >= 256 {
			bursts++
		} else if loads[31] > 110 {
			t.Errorf("step %d: loads up to %d of 512 tokens without a burst", step.Number, loads[31])
		}
	}
	if bursts < 4 || bursts > 20 {
		t.Errorf("%d bursts in 40 steps, want about 10", bursts)
	}
}

func TestRaggedSourcesShareAllTokens(t *testing.T) {
	steps, _ := stepsOf(t, sizes(Ragged))
	for _, ranks := range []int{1, 2, 3, 4, 8} {
		at, least, most := 0, 512, 0
		for r := range ranks {
			from, to := steps[0].Share(r, ranks)
			if from != at || to < from {
				t.Errorf("P=%d: rank %d has tokens %d to %d, the one before ends at %d", ranks, r, from, to, at)
			}
			least, most, at = min(least, to-from), max(most, to-from), to
		}
		if at != 512 || ranks > 1 && most < 2*least {
			t.Errorf("P=%d: %d of 512 tokens, shares of %d to %d", ranks, at, least, most)
		}
	}
}

// Balanced is exact: for every expert, and where it says so for every source and rank.
func TestBalancedIsExact(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		ranks := rapid.IntRange(1, 4).Draw(r, "P")
		s := Synthetic{
			Kind: BalancedSources, Experts: ranks * rapid.IntRange(1, 6).Draw(r, "E/P"), Layers: 2, Steps: 2, Ranks: ranks, Seed: rapid.Uint64().Draw(r, "seed"),
		}
		s.TopK = rapid.IntRange(1, s.Experts).Draw(r, "K")
		s.StepTokens = ranks * s.Experts * rapid.IntRange(1, 3).Draw(r, "T/PE")
		steps, info := stepsOf(t, s)
		for _, step := range steps {
			for i := range info.Layers {
				chosen := topOf(t, step, info, i)
				if s.TopK == s.Experts {
					continue // everybody chooses everyone
				}
				for rank := range ranks {
					from, to := step.Share(rank, ranks)
					loads := loadsOf(chosen[from*s.TopK:to*s.TopK], s.Experts)
					if slices.Max(loads) != slices.Min(loads) {
						r.Fatalf("rank %d sends %v", rank, loads)
					}
				}
				if ranks := capacity.Contiguous(s.Experts, ranks).RankLoads(loadsOf(chosen, s.Experts)); slices.Max(ranks) != slices.Min(ranks) {
					r.Fatalf("ranks get %v", ranks)
				}
			}
		}
	})
}

func TestSyntheticFaults(t *testing.T) {
	for _, c := range []struct {
		rule   string
		kind   string
		change func(*Synthetic)
		want   string
	}{
		{"kinds are known", "level", nil, `unknown synthetic routing "level", want one of uniform, zipf:S, `},
		{"only zipf has an exponent", "uniform:2", nil, `unknown synthetic routing "uniform:2"`},
		{"exponents are numbers", "zipf:steep", nil, `exponent "steep", want 0 to 100`},
		{"exponents are not negative", "zipf:-1", nil, `exponent "-1", want 0 to 100`},
		{"K is at most E", "uniform", func(s *Synthetic) { s.TopK = 33 }, "top k 33, want 1 to 32"},
		{"there are steps", "uniform", func(s *Synthetic) { s.Steps = 0 }, "steps 0, want 1"},
		{"balanced divides", "balanced", func(s *Synthetic) { s.StepTokens = 100 }, "400, not a multiple of the 32 experts"},
		{"balanced sources divide", "balanced-sources", func(s *Synthetic) { s.Ranks = 3 }, "512 tokens of a step and 32 experts, not multiples of the 3 ranks"},
		{"loaded ranks have K experts", "zero-load", func(s *Synthetic) { s.Ranks, s.TopK = 2, 17 }, "16 experts on the ranks with load, top k is 17"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			s := sizes(Uniform)
			err := s.ParseKind(c.kind)
			if err == nil {
				c.change(&s)
				_, err = s.Stream()
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("error %v, want %q", err, c.want)
			}
		})
	}
}

// Tokens drawn for counts have their loads, but for chance, and choose no expert twice.
func TestDrawnTokensHaveTheLoads(t *testing.T) {
	l := &Loads{Info: Info{Experts: 8, TopK: 3, Layers: []int{0, 7}}, Pairs: [][]int64{{900, 1, 99, 500, 500, 500, 250, 250}, {1000, 1000, 1000, 0, 0, 0, 0, 0}}}
	if err := l.check(); err != nil {
		t.Fatal(err)
	}
	steps, info := stepsOf(t, l.Draw(4, 1000, 3))
	if !slices.Equal(info.Layers, []int{0, 7}) || !info.Whole() {
		t.Errorf("info %+v", info)
	}
	for i, pairs := range l.Pairs {
		loads := make([]int64, 8)
		for _, s := range steps {
			for e, n := range loadsOf(topOf(t, s, info, i), 8) {
				loads[e] += n
			}
		}
		for e, n := range loads {
			if want := 4 * float64(pairs[e]); math.Abs(float64(n)-want) > 5*math.Sqrt(want) || pairs[e] == 0 && n > 0 {
				t.Errorf("layer %d: expert %d has %d pairs, want about %v", info.Layers[i], e, n, want)
			}
		}
	}
}
