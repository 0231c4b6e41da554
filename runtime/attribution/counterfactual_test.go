package attribution

import (
	"math/rand/v2"
	"slices"
	"testing"

	"capmoe/collective"
	"capmoe/layers"
	"capmoe/layers/capacity"

	"pgregory.net/rapid"
)

func saved(t *testing.T, f *Finding, what string) float64 {
	t.Helper()
	i := slices.IndexFunc(f.Counterfactual, func(c Counterfactual) bool { return c.What == what })
	if i < 0 {
		t.Fatalf("%q was not tried: %v", what, f.Counterfactual)
	}
	return f.Counterfactual[i].Saved
}

func TestCounterfactuals(t *testing.T) {
	// 400 tokens × 2 choices over 8 experts: C is 100 at γ = 1, 125 at 1.25, 150, 200.
	hot := func(r *Run) { // expert 5 on rank 2 takes the rows of 0 and 7
		r.move(0, 5, 120)
		r.move(0, 0, -60)
		r.move(0, 7, -60)
	}
	for _, c := range []struct {
		rule   string
		change func(r *Run)
		want   map[string]float64
	}{
		{"balanced loads leave nothing to save", func(*Run) {},
			map[string]float64{"drop γ=1": 0, "reroute γ=1": 0, "drop γ=2": 0, balanced: 0, even: 0, alike: 0}},
		{"a capacity saves the rows above it", hot, // of rank 2, which computes 320
			map[string]float64{"drop γ=1": 0.12, "drop γ=1.25": 0.095, "drop γ=1.5": 0.07, "drop γ=2": 0.02}},
		{"reroute saves no more than balance allows", hot, map[string]float64{"reroute γ=1": 0.12}},
		{"a better placement keeps all rows", hot, // loads 40, 100×5, 220, 40 in pairs: 220 + 40 at best
			map[string]float64{balanced: 0.06, even: 0.12}},
		{"samples stand for the steps between them", func(r *Run) {
			hot(r)
			for i := range r.Rows {
				r.Rows[i] *= 3 // the samples are a third of the run
			}
			for i := range r.Work {
				r.Work[i] *= 3
			}
		}, map[string]float64{"drop γ=1": 0.36, balanced: 0.18}},
		{"a slower rank is priced by its own speed", func(r *Run) {
			for l := range 2 {
				r.set(1, l, layers.Expert, 0.4)
			}
		}, map[string]float64{"drop γ=1": 0, alike: 0.4}},
		{"a run under a capacity saves nothing more by it", func(r *Run) {
			hot(r)
			for i := range r.Samples {
				after := make([]float64, 8)
				dropped(after, r.Samples[i].Before, 100)
				r.Samples[i].After = make([]int64, 8)
				for e, n := range after {
					r.Samples[i].After[e] = int64(n)
				}
			}
			r.Rows = []int64{140 + 0, 200, 200, 200, 200, 200, 140, 200}
			for rank := range 4 {
				for l := range 2 {
					r.set(rank, l, layers.Expert, 0.001*float64(r.Rows[rank*2+l]))
				}
			}
		}, map[string]float64{"drop γ=1": 0, "drop γ=1.25": -0.025}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			f := Attribute(made(c.change))
			for what, want := range c.want {
				if got := saved(t, f, what); !near(got, want) {
					t.Errorf("%s saves %v, want %v", what, got, want)
				}
			}
		})
	}
}

// The estimate keeps to what reroute promises.
func TestRerouted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 20).Draw(t, "experts")
		load := rapid.SliceOfN(rapid.Int64Range(0, 100), n, n).Draw(t, "load")
		most := rapid.IntRange(1, 120).Draw(t, "capacity")
		got := make([]float64, n)
		rerouted(got, load, most)
		sum, total, popular := 0.0, 0.0, 0.0
		for e, v := range got {
			if v > float64(most)+1e-9 || v < float64(min(load[e], int64(most)))-1e-9 {
				t.Fatalf("expert %d of load %d gets %v, capacity %d", e, load[e], v, most)
			}
			sum += v
			total += float64(load[e])
			if load[e] > 0 {
				popular++
			}
		}
		if want := min(total, popular*float64(most)); !near(sum, want) {
			t.Fatalf("%v pairs have a place, want %v", sum, want)
		}
	})
}

// Against the planner, on skewed scores: drop is exact, and the busiest rank under
// reroute is estimated within a tenth.
func TestEstimatesAgainstThePlanner(t *testing.T) {
	const experts, topK, tokens, ranks = 32, 4, 512, 4
	r := rand.New(rand.NewPCG(1, 2))
	popular := make([]float64, experts)
	for e := range popular {
		popular[e] = 0.7 * r.NormFloat64()
	}
	step := capacity.Step{Scores: make([]float32, tokens*experts), Tokens: make([]int32, tokens)}
	for t := range step.Tokens {
		step.Tokens[t] = int32(t)
		for e := range experts {
			step.Scores[t*experts+e] = float32(popular[e] + r.NormFloat64())
		}
	}
	plan := func(c collective.Communicator, policy capacity.Policy, gamma float64) *capacity.Plan {
		cfg := capacity.Config{Policy: policy, Expert: capacity.Times(gamma)}
		planner, err := capacity.NewPlanner(c, cfg, capacity.Model{Experts: experts, TopK: topK}, capacity.Contiguous(experts, 1))
		if err != nil {
			t.Fatal(err)
		}
		p, err := planner.Plan(step)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	err := collective.Run(1, collective.Options{}, func(c collective.Communicator) error {
		layout := capacity.Contiguous(experts, ranks)
		for _, gamma := range gammas {
			run, load := &Run{TopK: topK}, make([]float64, experts)
			p := plan(c, capacity.Drop, gamma)
			sample := Sample{Tokens: tokens, Before: p.LoadBefore}
			run.capped(gamma, dropped)(load, sample)
			for e, n := range p.LoadAfter {
				if load[e] != float64(n) {
					t.Errorf("drop γ=%v: expert %d computes %v, the planner keeps %d", gamma, e, load[e], n)
				}
			}
			p = plan(c, capacity.Reroute, gamma)
			run.capped(gamma, rerouted)(load, sample)
			want := float64(slices.Max(layout.RankLoads(p.LoadAfter)))
			got := make([]float64, ranks)
			for e, n := range load {
				got[layout.ExpertRank[e]] += n
			}
			ratio := slices.Max(got) / want
			t.Logf("reroute γ=%v: busiest rank %.0f, estimate %.3f of it", gamma, want, ratio)
			if ratio < 0.9 || ratio > 1.1 {
				t.Errorf("reroute γ=%v: the busiest rank is estimated at %v of the planner's", gamma, ratio)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
