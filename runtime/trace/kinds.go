package trace

import (
	"math"
	"math/rand/v2"

	"capmoe/layers/capacity"
)

// popularity is what tokens of one layer have in common.
type popularity struct {
	seed  uint64
	logit []float64 // [E] added to a token's own
	order []int     // [E] experts in an order drawn at random
	share []float64 // [E] of drawn: the probability that a token chooses an expert
}

// popularity draws that of the i-th layer.
func (m *made) popularity(i int) popularity {
	p := popularity{seed: m.Seed + uint64(m.info.Layers[i])*0x9e3779b97f4a7c15, logit: make([]float64, m.Experts)}
	r := rand.New(rand.NewPCG(p.seed, 0))
	if m.Kind == Skewed {
		for e := range p.logit {
			p.logit[e] = 0.7 * r.NormFloat64()
		}
	}
	p.order = r.Perm(m.Experts)
	switch m.Kind {
	case Zipf:
		for at, e := range p.order {
			p.logit[e] = -m.Exponent * math.Log(float64(at+1))
		}
	case HotRank, ZeroLoad:
		m.byRank(p.logit, r)
	case drawn:
		p.share = m.loads.shares(i)
	}
	return p
}

// The logits that kinds about ranks add to the experts of some.
const (
	hot  = 1.3862943611198906 // ln 4
	cold = -40
)

// byRank adds the logits of the hot rank's experts, or of the ranks' without load.
func (m *made) byRank(logit []float64, r *rand.Rand) {
	where := capacity.Contiguous(m.Experts, m.Ranks)
	chosen, bonus := map[int]bool{r.IntN(m.Ranks): true}, hot
	if m.Kind == ZeroLoad {
		chosen, bonus = m.idle(), cold
	}
	for e, rank := range where.ExpertRank {
		if chosen[int(rank)] {
			logit[e] = bonus
		}
	}
}

// idle is the ranks whose experts nobody chooses, the same in every layer.
func (s Synthetic) idle() map[int]bool {
	ranks := map[int]bool{}
	for _, r := range rand.New(rand.NewPCG(s.Seed, 1)).Perm(s.Ranks)[:s.Ranks/2] {
		ranks[r] = true
	}
	return ranks
}

func (s Synthetic) loadedExperts() (n int) {
	idle := s.idle()
	for _, r := range capacity.Contiguous(s.Experts, s.Ranks).ExpertRank {
		if !idle[int(r)] {
			n++
		}
	}
	return n
}

// token makes the scores of the step's t-th token in the i-th layer.
func (m *made) token(row []float32, i int, s Step, t int) {
	p := &m.layers[i]
	r := rand.New(rand.NewPCG(p.seed, uint64(1+s.First+t)))
	value := func() float64 { return gumbel(r) }
	if m.Kind == Skewed {
		value = r.NormFloat64
	}
	m.scorer.draw(m.Experts, value)
	for e, v := range p.logit {
		m.scorer.noise[e] += v
	}
	switch m.Kind {
	case HotExpert:
		m.scorer.prefer(p.order[:1])
	case Rotating:
		m.scorer.prefer([]int{p.order[s.Number%m.Experts]})
	case Burst:
		if from, to := m.burst(s); from <= t && t < to {
			m.scorer.prefer(m.next(p.order, s.Number*m.TopK))
		}
	case Balanced, BalancedSources:
		m.scorer.prefer(m.next(p.order, t*m.TopK))
	case drawn:
		m.scorer.prefer(choose(p.share, m.TopK, s.First+t, r))
	}
	m.scorer.softmax(row)
}

// next is K experts of an order, from a place on and round.
func (m *made) next(order []int, from int) []int {
	experts := make([]int, m.TopK)
	for k := range experts {
		experts[k] = order[(from+k)%m.Experts]
	}
	return experts
}

// burst is the block of the step's tokens that choose alike; none in most steps.
func (m *made) burst(s Step) (from, to int) {
	r := rand.New(rand.NewPCG(m.Seed, uint64(s.Number)<<1|1))
	if r.IntN(4) != 0 {
		return 0, 0
	}
	from = r.IntN(s.Tokens - s.Tokens/2 + 1)
	return from, from + s.Tokens/2
}

// ragged is a rank's block of the step's tokens: shares drawn from an exponential
// distribution, so that some have hardly any.
func (m *made) ragged(rank, ranks int) (from, to int) {
	r := rand.New(rand.NewPCG(m.Seed, 2))
	total, before, until := 0.0, 0.0, 0.0
	for i := range ranks {
		v := r.ExpFloat64()
		total += v
		if i < rank {
			before += v
		}
		if i <= rank {
			until += v
		}
	}
	place := func(v float64) int { return int(v / total * float64(m.StepTokens)) }
	if rank == ranks-1 {
		return place(before), m.StepTokens
	}
	return place(before), place(until)
}
