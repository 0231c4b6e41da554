package capacity

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"capmoe/collective"
)

// BenchmarkPlan is one rank planning 4096 tokens of 64 experts, top 8.
func BenchmarkPlan(b *testing.B) {
	const tokens, experts = 4096, 64
	r := rand.New(rand.NewPCG(1, 1))
	s := Step{Scores: make([]float32, tokens*experts), Tokens: make([]int32, tokens)}
	for t := range tokens {
		s.Tokens[t] = int32(t)
		for e := range experts {
			s.Scores[t*experts+e] = float32(math.Exp(r.NormFloat64()+float64(e%7)/5)) / 100
		}
	}
	for _, cfg := range []Config{{}, {Policy: Drop, Expert: Times(1)}, {Policy: Reroute, Expert: Times(1)}, {Policy: Reroute, Expert: Times(1), Rank: Times(1)}} {
		b.Run(fmt.Sprintf("%v rank %v", cfg.Policy, cfg.Rank), func(b *testing.B) {
			collective.Run(1, collective.Options{}, func(c collective.Communicator) error {
				p, err := NewPlanner(c, cfg, Model{Experts: experts, TopK: 8}, Contiguous(experts, 1))
				if err != nil {
					b.Fatal(err)
				}
				b.ReportAllocs()
				for b.Loop() {
					plan, err := p.Plan(s)
					if err != nil {
						b.Fatal(err)
					}
					b.ReportMetric(float64(plan.Rounds), "rounds")
				}
				return nil
			})
		})
	}
}
