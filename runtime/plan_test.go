package runtime

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"capmoe/collective"
	"capmoe/layers"
	"capmoe/layers/capacity"
	"capmoe/runtime/checkpoint"
)

// developmentData is the folder of data that is not in the repository.
func developmentData(t testing.TB) string {
	dir := os.Getenv("CAPMOE_DATA")
	if dir == "" {
		t.Skip("CAPMOE_DATA is not set: goldens that are not in the repository are left out")
	}
	return dir
}

func readJSON(t *testing.T, path string, v any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(text, v)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// tensors reads a safetensors file of small tensors.
type tensors struct {
	t    *testing.T
	file *checkpoint.File
}

func openTensors(t *testing.T, path string) tensors {
	t.Helper()
	file, err := checkpoint.OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	return tensors{t, file}
}

func (f tensors) floats(name string) ([]float32, []int) {
	f.t.Helper()
	x, ok := f.file.Tensor(name)
	if !ok {
		f.t.Fatalf("no tensor %s", name)
	}
	dst := make([]float32, x.Elements())
	if err := x.Float32(dst); err != nil {
		f.t.Fatal(err)
	}
	return dst, x.Shape
}

func (f tensors) ints(name string) ([]int32, []int) {
	f.t.Helper()
	x, ok := f.file.Tensor(name)
	if !ok {
		f.t.Fatalf("no tensor %s", name)
	}
	dst := make([]int32, x.Elements())
	if err := x.Int32(dst); err != nil {
		f.t.Fatal(err)
	}
	return dst, x.Shape
}

// planned is a plan file read back: the experts and weights of every token.
type planned struct {
	experts [][]int32
	weights [][]float32
	report  *PlanReport
}

// planOn runs a job on in-process ranks.
func planOn(t *testing.T, ranks int, job PlanJob) planned {
	t.Helper()
	job.Out = filepath.Join(t.TempDir(), "plan.safetensors")
	var out planned
	err := collective.Run(ranks, collective.Options{}, func(c collective.Communicator) error {
		p := Process{Comm: c, Hosts: slices.Repeat([]string{"host"}, ranks), Threads: 1}
		report, err := PlanScores(p, job)
		if c.Rank() == 0 {
			out.report = report
		}
		return err
	})
	if err != nil {
		t.Fatalf("P=%d %+v: %v", ranks, job, err)
	}
	f := openTensors(t, job.Out)
	experts, shape := f.ints("experts")
	weights, _ := f.floats("weights")
	for i := range shape[0] {
		row := experts[i*shape[1] : (i+1)*shape[1]]
		n := slices.Index(row, -1)
		if n < 0 {
			n = len(row)
		}
		out.experts = append(out.experts, row[:n])
		out.weights = append(out.weights, weights[i*shape[1]:i*shape[1]+n])
	}
	return out
}

// weightOf is the weight of a token's pair with an expert, or NaN.
func (p planned) weightOf(token int, expert int32) float64 {
	for i, e := range p.experts[token] {
		if e == expert {
			return float64(p.weights[token][i])
		}
	}
	return math.NaN()
}

// The plan file holds the pairs that are computed, as the report counts them: without those that
// megablocks refuses after they have travelled.
func TestPlanFileHoldsComputedPairs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "scores.safetensors")
	w, err := checkpoint.Create(path, nil, []checkpoint.Spec{{Name: "scores", DType: checkpoint.F32, Shape: []int{8, 4}}})
	if err != nil {
		t.Fatal(err)
	}
	w.AppendFloat32("scores", slices.Repeat([]float32{0.5, 0, 0.3, 0.2}, 8))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for _, ranks := range []int{1, 3} {
		got := planOn(t, ranks, PlanJob{
			Scores: ScoreFile{Path: path}, TopK: 3,
			Routing: Routing{Baseline: "megablocks", Dialect: layers.Dialect{Policy: capacity.Config{Expert: capacity.Times(0.5)}}},
		})
		want := [][]int32{{0, 2, 3}, {0, 2, 3}, {0, 2, 3}, {}, {}, {}, {}, {}} // C is int(0.5·3·8/4)
		if !slices.EqualFunc(got.experts, want, slices.Equal[[]int32]) || got.report.Kept != 9 {
			t.Errorf("P=%d: %v in the file, %d kept, want %v", ranks, got.experts, got.report.Kept, want)
		}
	}
}

type goldenRun struct {
	Key      string
	Gamma    float64
	Policy   string
	Rounds   *int
	Local    []int `json:"local_expert_indices"`
	Capacity int
	Kept     int64
	Routed   int64
	Without  int64 `json:"tokens_without_expert"`
	Weights  bool  `json:"has_weights"`
}

func (r goldenRun) policy(t *testing.T) capacity.Config {
	c := capacity.Config{Policy: capacity.Drop, Expert: capacity.Times(r.Gamma)}
	switch r.Policy {
	case "score":
	case "first":
		c.Order = capacity.Position
	case "last":
		c.Order = capacity.Last
	case "reroute":
		c.Policy, c.Rounds = capacity.Reroute, *r.Rounds
	case "overselect":
		c.Policy, c.Extra = capacity.Expanded, capacity.Extra{Kind: capacity.AllExperts}
		if r.Local != nil {
			c.Extra = capacity.Extra{Kind: capacity.ListedExperts, Experts: r.Local}
		}
	default:
		t.Fatalf("%s: unknown policy %q", r.Key, r.Policy)
	}
	return c
}

func routingOf(c capacity.Config) Routing { return Routing{Dialect: layers.Dialect{Policy: c}} }

var goldenRanks = []int{1, 2, 3, 4, 8}

// Every case of the authors' own selection code, pair for pair, for any number of ranks.
func TestPlanEqualsAuthors(t *testing.T) {
	dir := filepath.Join(developmentData(t), "golden", "capacity")
	var index struct {
		Cases []struct {
			File    string
			T, E, K int
			Runs    []goldenRun
		}
	}
	readJSON(t, filepath.Join(dir, "index.json"), &index)
	for _, c := range index.Cases {
		t.Run(c.File, func(t *testing.T) {
			f := openTensors(t, filepath.Join(dir, c.File))
			for _, r := range c.Runs {
				for _, ranks := range goldenRanks {
					job := PlanJob{Scores: ScoreFile{Path: filepath.Join(dir, c.File), Tensor: "scores"}, TopK: c.K, Routing: routingOf(r.policy(t))}
					got := planOn(t, ranks, job)
					if err := compareGolden(f, r, c.E, got); err != nil {
						t.Fatalf("%s on %d ranks: %v", r.Key, ranks, err)
					}
				}
			}
		})
	}
}

func compareGolden(f tensors, r goldenRun, experts int, got planned) error {
	if g := got.report; *g.Capacity != r.Capacity || g.Kept != r.Kept || g.Routed != r.Routed || g.TokensWithoutExpert != r.Without {
		return fmt.Errorf("capacity %d kept %d routed %d without expert %d, want %d %d %d %d", *g.Capacity, g.Kept, g.Routed, g.TokensWithoutExpert, r.Capacity, r.Kept, r.Routed, r.Without)
	}
	ids, shape := f.ints(r.Key + ".ids")
	width := shape[1]
	for t, have := range got.experts {
		want := ids[t*width : (t+1)*width]
		want = slices.DeleteFunc(slices.Clone(want), func(e int32) bool { return int(e) == experts })
		if !slices.Equal(slices.Sorted(slices.Values(have)), slices.Sorted(slices.Values(want))) {
			return fmt.Errorf("token %d keeps %v, want %v", t, have, want)
		}
	}
	if !r.Weights {
		return nil
	}
	weights, _ := f.floats(r.Key + ".weights")
	for i, e := range ids {
		if int(e) < experts && math.Abs(got.weightOf(i/width, e)-float64(weights[i])) > 1e-6 {
			return fmt.Errorf("token %d, expert %d: weight %v, want %v", i/width, e, got.weightOf(i/width, e), weights[i])
		}
	}
	return nil
}

// Every case of Megatron-Core's own routing and dropping. The stored runs have all
// tokens on one rank, so scope global must equal them for any number of ranks.
func TestPlanEqualsMegatron(t *testing.T) {
	dir := filepath.Join(developmentData(t), "golden", "capacity")
	var index struct {
		Cases []struct {
			File    string
			T, E, K int
			Runs    []struct {
				Key      string
				Pre      bool    `json:"use_pre_softmax"`
				Factor   float64 `json:"capacity_factor"`
				Policy   string  `json:"drop_policy"`
				Capacity int
				Kept     int64 `json:"kept_routed"`
			}
		}
	}
	readJSON(t, filepath.Join(dir, "megatron_index.json"), &index)
	for _, c := range index.Cases {
		f := openTensors(t, filepath.Join(dir, c.File))
		for _, r := range c.Runs {
			order, err := capacity.ParseOrder(r.Policy)
			if err != nil {
				t.Fatal(err)
			}
			if order == capacity.Probs {
				order = capacity.FinalWeights
			}
			stage := "post"
			if r.Pre {
				stage = "pre"
			}
			routing, _ := f.floats(stage + ".routing_probs")
			routed, _ := f.ints(stage + ".routing_map")
			final, _ := f.ints(r.Key + ".final_map")
			for _, ranks := range goldenRanks {
				got := planOn(t, ranks, PlanJob{
					Scores: ScoreFile{Path: filepath.Join(dir, c.File), Tensor: "logits", Logits: true, PreSoftmax: r.Pre}, TopK: c.K,
					Routing: routingOf(capacity.Config{Policy: capacity.Drop, Order: order, Rounding: capacity.MegatronLM, Expert: capacity.Times(r.Factor)}),
				})
				if got.report.Kept != r.Kept {
					t.Fatalf("%s %s on %d ranks: kept %d, want %d", c.File, r.Key, ranks, got.report.Kept, r.Kept)
				}
				for i, keep := range final {
					token, expert := i/c.E, int32(i%c.E)
					weight := got.weightOf(token, expert)
					if want := keep == 1 && routed[i] == 1; want != !math.IsNaN(weight) {
						t.Fatalf("%s %s on %d ranks: token %d, expert %d kept %v, want %v", c.File, r.Key, ranks, token, expert, !want, want)
					}
					if !math.IsNaN(weight) && math.Abs(weight-float64(routing[i])) > 1e-6 {
						t.Fatalf("%s %s on %d ranks: token %d, expert %d: weight %v, want %v", c.File, r.Key, ranks, token, expert, weight, routing[i])
					}
				}
			}
		}
	}
}
