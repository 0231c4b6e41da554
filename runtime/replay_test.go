package runtime

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"capmoe/collective"
	"capmoe/layers"
	"capmoe/layers/capacity"
	"capmoe/runtime/trace"
)

// madeOf opens made routing.
func madeOf(s trace.Synthetic) func() (trace.Stream, error) { return s.Stream }

var smallTrace = trace.Synthetic{Kind: trace.Skewed, Experts: 16, TopK: 3, Layers: 2, Steps: 3, StepTokens: 96, Ranks: 1, Seed: 4}

// replayOn replays on in-process ranks.
func replayOn(t *testing.T, ranks int, job Replay) (*ReplayReport, error) {
	t.Helper()
	var report *ReplayReport
	err := collective.Run(ranks, collective.Options{}, func(c collective.Communicator) error {
		r, err := RunReplay(Process{Comm: c, Hosts: slices.Repeat([]string{"host"}, ranks), Threads: 1}, job, func(int, int) {})
		if c.Rank() == 0 {
			report = r
		}
		return err
	})
	return report, err
}

func mustReplay(t *testing.T, ranks int, job Replay) *ReplayReport {
	t.Helper()
	r, err := replayOn(t, ranks, job)
	if err != nil {
		t.Fatalf("P=%d: %v", ranks, err)
	}
	return r
}

func policyRouting(p capacity.Config) Routing { return Routing{Dialect: layers.Dialect{Policy: p}} }

// In scope global every policy keeps the same pairs, with the same weights, on any
// number of ranks, whether they divide the experts and the tokens or not, and whether
// rows move or not.
func TestReplayPlansAlikeOnAnyRanks(t *testing.T) {
	gamma := capacity.Times(1.1)
	for _, c := range []struct {
		rule    string
		routing Routing
	}{
		{"dropless", Routing{}},
		{"drop", policyRouting(capacity.Config{Policy: capacity.Drop, Expert: gamma})},
		{"drop by position", policyRouting(capacity.Config{Policy: capacity.Drop, Expert: gamma, Order: capacity.Position})},
		{"drop at random", policyRouting(capacity.Config{Policy: capacity.Drop, Expert: gamma, Order: capacity.Random, Seed: 3})},
		{"reroute", policyRouting(capacity.Config{Policy: capacity.Reroute, Expert: gamma})},
		{"reroute, 2 rounds", policyRouting(capacity.Config{Policy: capacity.Reroute, Expert: gamma, Rounds: 2})},
		{"expanded over all", policyRouting(capacity.Config{Policy: capacity.Expanded, Expert: gamma, Extra: capacity.Extra{Kind: capacity.AllExperts}})},
	} {
		t.Run(c.rule, func(t *testing.T) {
			job := Replay{Open: madeOf(smallTrace), Routing: c.routing}
			want := mustReplay(t, 1, job)
			if want.Tokens != 3*96 || want.Steps != 3 || len(want.Layers) != 2 || want.StepTokens != 96 || want.Routed+want.Extra != want.Kept+want.Dropped {
				t.Fatalf("%d tokens in %d steps of %d, %d layers, %d pairs", want.Tokens, want.Steps, want.StepTokens, len(want.Layers), want.Routed)
			}
			for _, ranks := range []int{2, 3, 4, 8} {
				for _, shape := range []*LayerShape{nil, {Name: "small", Hidden: 24, Inner: 8}} {
					job.Shape = shape
					got := mustReplay(t, ranks, job)
					if got.PlanHash != want.PlanHash || got.Counts != want.Counts {
						t.Errorf("P=%d, shape %v: plan %s, counts %+v; on one rank %s, %+v", ranks, shape, got.PlanHash, got.Counts, want.PlanHash, want.Counts)
					}
				}
			}
		})
	}
}

// Another policy, seed or step has another fingerprint.
func TestPlanHashTellsPlansApart(t *testing.T) {
	seen := map[string]string{}
	try := func(rule string, job Replay) {
		hash := mustReplay(t, 2, job).PlanHash
		if other, there := seen[hash]; there {
			t.Errorf("%s has the plan hash of %s", rule, other)
		}
		seen[hash] = rule
	}
	try("dropless", Replay{Open: madeOf(smallTrace)})
	for _, gamma := range []float64{1, 1.5} {
		try(fmt.Sprintf("drop %v", gamma), Replay{Open: madeOf(smallTrace), Routing: policyRouting(capacity.Config{Policy: capacity.Drop, Expert: capacity.Times(gamma)})})
	}
	other := smallTrace
	other.Seed++
	try("another seed", Replay{Open: madeOf(other)})
	other = smallTrace
	other.Steps--
	try("fewer steps", Replay{Open: madeOf(other)})
}

// What planning alone says of loads is what the mixture computes, replicas included.
func TestPlansOnlyHaveTheMixturesLoads(t *testing.T) {
	gamma := capacity.Times(1)
	for _, c := range []struct {
		rule      string
		routing   Routing
		redundant int
	}{
		{"dropless", Routing{}, 0},
		{"EPLB", Routing{Baseline: "eplb"}, 0},
		{"EPLB with replicas", Routing{Baseline: "eplb"}, 5},
		{"scope local", policyRouting(capacity.Config{Policy: capacity.Drop, Expert: gamma, Scope: capacity.Local}), 0},
		{"megatron-pad", Routing{Baseline: "megatron-pad", Dialect: layers.Dialect{Policy: capacity.Config{Expert: gamma}}}, 0},
		{"megablocks", Routing{Baseline: "megablocks", Dialect: layers.Dialect{Policy: capacity.Config{Expert: gamma}}}, 0},
		{"megatron-allgather", Routing{Baseline: "megatron-allgather"}, 0},
	} {
		t.Run(c.rule, func(t *testing.T) {
			job := Replay{Open: madeOf(smallTrace), Routing: c.routing, Redundant: c.redundant}
			plans := mustReplay(t, 4, job)
			job.Shape = &LayerShape{Hidden: 24, Inner: 8}
			mixture := mustReplay(t, 4, job)
			if plans.PlanHash != mixture.PlanHash {
				t.Errorf("plan %s, of the mixture %s", plans.PlanHash, mixture.PlanHash)
			}
			for i, l := range plans.Layers {
				if m := mixture.Layers[i]; !slices.Equal(l.RankLoadAfter, m.RankLoadAfter) || !slices.Equal(l.ExpertLoadAfter, m.ExpertLoadAfter) {
					t.Errorf("layer %d: rank loads %v, the mixture's %v", l.Layer, l.RankLoadAfter, m.RankLoadAfter)
				}
			}
			if plans.Bytes != (Traffic{}) || mixture.Bytes == (Traffic{}) {
				t.Errorf("bytes %+v, of the mixture %+v", plans.Bytes, mixture.Bytes)
			}
		})
	}
}

// Replicas even out the ranks' loads.
func TestReplayedEPLBBalances(t *testing.T) {
	asIs := mustReplay(t, 4, Replay{Open: madeOf(smallTrace)})
	balanced := mustReplay(t, 4, Replay{Open: madeOf(smallTrace), Routing: Routing{Baseline: "eplb"}, Redundant: 4})
	if balanced.RankImbalanceAfter >= asIs.RankImbalanceAfter || balanced.PlanHash != asIs.PlanHash {
		t.Errorf("rank load max/mean %v, without EPLB %v; plans %s and %s", balanced.RankImbalanceAfter, asIs.RankImbalanceAfter, balanced.PlanHash, asIs.PlanHash)
	}
}

func TestSourcesMayBeRagged(t *testing.T) {
	ragged := smallTrace
	ragged.Kind = trace.Ragged
	want := mustReplay(t, 1, Replay{Open: madeOf(ragged)})
	for _, ranks := range []int{2, 3, 4, 8} {
		if got := mustReplay(t, ranks, Replay{Open: madeOf(ragged)}); got.PlanHash != want.PlanHash {
			t.Errorf("P=%d: plan %s, on one rank %s", ranks, got.PlanHash, want.PlanHash)
		}
	}
}

// recordedBest writes made routing with the best m scores of every token.
func recordedBest(t *testing.T, m int) func() (trace.Stream, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "t.routing")
	s, err := smallTrace.Stream()
	if err != nil {
		t.Fatal(err)
	}
	info := s.Info()
	info.Recorded, info.Layers = m, []int{2, 5}
	w, err := trace.Create(path, info)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	if err := trace.Each(s, w.Step); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return func() (trace.Stream, error) { return trace.Open(path, trace.Hints{}) }
}

// Layers keep their numbers.
func TestReplayedLayersKeepTheirNumbers(t *testing.T) {
	r := mustReplay(t, 2, Replay{Open: recordedBest(t, 16)})
	if len(r.Layers) != 2 || r.Layers[0].Layer != 2 || r.Layers[1].Layer != 5 || r.Tokens != 288 {
		t.Errorf("layers %+v", r.Layers)
	}
}

// Reroute goes as far as scores are known, and is as if all were; beyond it is refused.
func TestRerouteNeedsScores(t *testing.T) {
	reroute := func(gamma float64, rounds int) Routing {
		return policyRouting(capacity.Config{Policy: capacity.Reroute, Expert: capacity.Times(gamma), Rounds: rounds})
	}
	floored := func(floor float64) Routing {
		return policyRouting(capacity.Config{Policy: capacity.Reroute, Expert: capacity.Times(1), Floor: floor})
	}
	expanded := policyRouting(capacity.Config{Policy: capacity.Expanded, Expert: capacity.Times(1)})
	for _, c := range []struct {
		rule    string
		m       int
		routing Routing
		want    string
	}{
		{"only the choices", 3, reroute(1, 0), "holds the scores of 3 of 16 experts a token, its top k is 3: policy reroute needs others"},
		{"too few", 4, reroute(1, 0), "recorded experts, there are 16: reroute needs the scores of more"},
		{"too few for the rounds", 4, reroute(1, 2), "recorded experts, there are 16: reroute needs the scores of more"},
		{"enough for the rounds", 6, reroute(1, 2), ""},
		{"few, and as many as the rounds ask", 5, reroute(1.5, 2), ""},
		{"enough for the capacity", 12, reroute(1.5, 0), ""},
		{"enough for the floor", 8, floored(0.8), ""},
		{"too few for the floor", 4, floored(0.01), "recorded experts, there are 16: reroute needs the scores of more"},
		{"all", 16, reroute(1, 0), ""},
		{"expanded offers others", 12, expanded, "policy expanded needs others"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			got, err := replayOn(t, 2, Replay{Open: recordedBest(t, c.m), Routing: c.routing})
			if c.want != "" {
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Fatalf("error %v, want %q", err, c.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if all := mustReplay(t, 2, Replay{Open: recordedBest(t, 16), Routing: c.routing}); got.PlanHash != all.PlanHash || got.Rerouted == 0 {
				t.Errorf("plan %s with %d pairs rerouted, with all scores %s", got.PlanHash, got.Rerouted, all.PlanHash)
			}
		})
	}
}

// differing opens made routing that is shorter on one rank.
func differing() func() (trace.Stream, error) {
	var opened atomic.Int64
	return func() (trace.Stream, error) {
		s := smallTrace
		if opened.Add(1) == 5 { // every rank opens twice: for the head, and to read
			s.Steps--
		}
		return s.Stream()
	}
}

func TestReplayFaults(t *testing.T) {
	path := filepath.Join(t.TempDir(), "short.routing")
	for _, c := range []struct {
		rule  string
		ranks int
		job   Replay
		want  string
	}{
		{"a file is there", 2, Replay{Open: func() (trace.Stream, error) { return trace.Open(path, trace.Hints{}) }}, "no such file"},
		{"every rank owns an expert", 17, Replay{Open: madeOf(smallTrace)}, "17 ranks for 16 experts"},
		{"replicas fit", 2, Replay{Open: madeOf(smallTrace), Routing: Routing{Baseline: "eplb"}, Redundant: 17}, "17 redundant experts, want 0 to 16"},
		{"hosts have the same recording", 3, Replay{Open: differing()}, "step 2 has 0 tokens on one rank and 96 on another"},
		{"loads are there", 2, Replay{Open: madeOf(smallTrace), Routing: Routing{Baseline: "eplb"}, LoadsFile: "/missing"}, "no such file"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			if _, err := replayOn(t, c.ranks, c.job); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("error %v, want %q", err, c.want)
			}
		})
	}
}

// recorded opens what is not in the repository.
func recorded(t *testing.T, parts ...string) string {
	t.Helper()
	dir := os.Getenv("CAPMOE_DATA")
	if dir == "" {
		t.Skip("CAPMOE_DATA is not set: recorded traces are not in the repository")
	}
	return filepath.Join(append([]string{dir, "data", "traces"}, parts...)...)
}

// gpt-oss-20b in batches of 1,024 tokens on 8 ranks, as its source states it: rank load
// max/mean 1.62 in the median over layers and batches, 2.76 at most.
func TestReplayOfGPTOSS(t *testing.T) {
	tr, err := trace.Load(recorded(t, "gpt-oss-20b"), trace.Hints{})
	if err != nil {
		t.Fatal(err)
	}
	open := func() (trace.Stream, error) { return trace.Cut(tr.Stream(), 1024), nil }
	var ratios []float64
	var want string
	for _, ranks := range []int{8, 4, 3, 2, 1} {
		job := Replay{Open: open, Routing: policyRouting(capacity.Config{Policy: capacity.Drop, Expert: capacity.Times(1.25)})}
		got := mustReplay(t, ranks, job)
		if got.Tokens != 16384 || got.Steps != 16 || len(got.Layers) != 24 {
			t.Fatalf("%d tokens, %d steps, %d layers", got.Tokens, got.Steps, len(got.Layers))
		}
		if want == "" {
			want = got.PlanHash
		}
		if got.PlanHash != want {
			t.Errorf("P=%d: plan %s, on 8 ranks %s", ranks, got.PlanHash, want)
		}
	}
	for step := range 16 {
		one := func() (trace.Stream, error) {
			s, err := open()
			for range step {
				if err == nil {
					_, err = s.Next()
				}
			}
			return s, err
		}
		for _, l := range mustReplay(t, 8, Replay{Open: one, Steps: 1}).Layers {
			ratios = append(ratios, l.RankImbalanceAfter)
		}
	}
	slices.Sort(ratios)
	if median := ratios[len(ratios)/2]; math.Abs(median-1.62) > 0.005 || math.Abs(ratios[len(ratios)-1]-2.76) > 0.005 {
		t.Errorf("rank load max/mean: median %.3f, largest %.3f, the source says 1.62 and 2.76", median, ratios[len(ratios)-1])
	}
}

// Share of the pairs over capacity on the whole recording, about as its source states it.
func TestReplayedSharesOverCapacity(t *testing.T) {
	tr, err := trace.Load(recorded(t, "gpt-oss-20b"), trace.Hints{})
	if err != nil {
		t.Fatal(err)
	}
	for gamma, share := range map[float64]float64{1: 0.31, 1.25: 0.21, 1.5: 0.14, 2: 0.05} {
		job := Replay{
			Routing: policyRouting(capacity.Config{Policy: capacity.Drop, Expert: capacity.Times(gamma)}),
			Open:    func() (trace.Stream, error) { return trace.Cut(tr.Stream(), tr.Tokens), nil },
		}
		if r := mustReplay(t, 4, job); math.Abs(float64(r.Dropped)/float64(r.Routed)-share) > 0.025 {
			t.Errorf("γ %v: %d of %d pairs are over capacity, the source says %.2f", gamma, r.Dropped, r.Routed, share)
		}
	}
}

// Tokens drawn for the counts of OLMoE and Mixtral by domain have the counts' loads, on
// any number of ranks: max/mean 5 to 8 within a domain, 2.5 to 3 on mixed web text, of
// Mixtral only 1.1 to 1.3.
func TestReplayOfDomainCounts(t *testing.T) {
	path := recorded(t, "olmoe-mixtral-domain-counts", "expert_counts.json")
	for _, c := range []struct {
		set    string
		lo, hi float64
	}{
		{"olmoe/expert_counts/arxiv", 5, 8}, {"olmoe/expert_counts/wikipedia", 4.6, 8}, {"olmoe/expert_counts/c4", 2.45, 3.05},
		{"mistral/expert_counts/arxiv", 1.1, 1.3}, {"mistral/expert_counts/c4", 1.05, 1.3},
	} {
		t.Run(strings.ReplaceAll(c.set, "/", " "), func(t *testing.T) {
			l, err := trace.OpenLoads(path, trace.Hints{Set: c.set})
			if err != nil {
				t.Fatal(err)
			}
			job := Replay{Open: l.Draw(2, 4096, 1).Stream}
			want := mustReplay(t, 1, job)
			for i, layer := range want.Layers {
				counted := l.Summary(trace.Measure{Ranks: 1}).Layer[i].Imbalance
				got := capacity.MaxOverMean(layer.ExpertLoadBefore)
				if counted < c.lo || counted > c.hi {
					t.Errorf("layer %d: counts have max/mean %.2f, the source says %v to %v", layer.Layer, counted, c.lo, c.hi)
				}
				if math.Abs(got-counted) > 0.06*counted {
					t.Errorf("layer %d: drawn tokens have max/mean %.3f, the counts %.3f", layer.Layer, got, counted)
				}
			}
			if got := mustReplay(t, 8, job); got.PlanHash != want.PlanHash || got.Layers[2].Layer != 15 {
				t.Errorf("plan %s on 8 ranks, %s on one", got.PlanHash, want.PlanHash)
			}
		})
	}
}
