package simulate

import (
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"capmoe/layers/capacity"
	"capmoe/runtime/trace"
)

func made(tokens, experts, topK int) *trace.Trace {
	r := rand.New(rand.NewPCG(1, 1))
	scores := make([]float32, tokens*experts)
	for i := range scores {
		scores[i] = r.Float32() / float32(1+i%experts)
	}
	return &trace.Trace{
		Tokens: tokens, Info: trace.Info{Experts: experts, TopK: topK, Recorded: experts, Layers: []int{0}},
		Choices: []trace.Choices{{Score: scores}},
	}
}

func TestScopesAgreeOnOneRank(t *testing.T) {
	rows, err := Scope(made(128, 8, 2), capacity.Config{Policy: capacity.Drop}, 64, []float64{1, 1.5}, []int{1, 4})
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 4 {
		t.Fatalf("%d rows, want 4", len(rows))
	}
	for _, r := range rows {
		if r.Ranks == 1 && (r.LocalMassLost != r.GlobalMassLost || r.LocalEffective != r.GlobalEffective) {
			t.Errorf("γ %v: scope local on one rank loses %v, global %v", r.Gamma, r.LocalMassLost, r.GlobalMassLost)
		}
		if r.Ranks > 1 && r.LocalMassLost < r.GlobalMassLost {
			t.Errorf("γ %v, P=%d: scope local loses %v, less than global %v", r.Gamma, r.Ranks, r.LocalMassLost, r.GlobalMassLost)
		}
	}
}

// At top 1 a family that normalises weighs every pair 1, so what is lost is the share of the dropped pairs.
func TestMassIsOfTheFamilysWeights(t *testing.T) {
	tr := made(128, 8, 1)
	tr.Normalize = true
	policy := capacity.Config{Policy: capacity.Drop, Expert: capacity.Times(0.5)}
	s, err := tally(tr, policy, 64, 4)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := s.ledger.GateMassLost(), float64(s.ledger.Dropped)/float64(s.ledger.Routed); got != want || want == 0 {
		t.Errorf("lost gate mass %v, want %v", got, want)
	}
}

// Share of pairs over capacity on the gpt-oss-20b recording, as its source states them.
func TestKnownSharesOverCapacity(t *testing.T) {
	dir := os.Getenv("CAPMOE_DATA")
	if dir == "" {
		t.Skip("CAPMOE_DATA is not set: recorded traces are not in the repository")
	}
	tr, err := trace.Load(filepath.Join(dir, "data", "traces", "gpt-oss-20b"), trace.Hints{})
	if err != nil {
		t.Fatal(err)
	}
	for gamma, share := range map[float64]float64{1: 0.31, 1.25: 0.21, 1.5: 0.14, 2: 0.05} {
		s, err := tally(tr, capacity.Config{Policy: capacity.Drop, Expert: capacity.Times(gamma)}, tr.Tokens, 1)
		if err != nil {
			t.Fatal(err)
		}
		if got := float64(s.ledger.Dropped) / float64(s.ledger.Routed); math.Abs(got-share) > 0.025 {
			t.Errorf("γ %v: %.3f of the pairs are over capacity, the source says %.2f", gamma, got, share)
		}
	}
}
