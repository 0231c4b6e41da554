package capacity

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"capmoe/collective"
)

// scenario is a random step with its policy and layout.
type scenario struct {
	cfg    Config
	model  Model
	tokens int
	scores []float32
	class  []uint8
	nodes  int
	seed   uint64
}

func (s scenario) String() string {
	return fmt.Sprintf("seed %d: T=%d E=%d K=%d nodes=%d %+v", s.seed, s.tokens, s.model.Experts, s.model.TopK, s.nodes, s.cfg)
}

func randomScenario(seed uint64) scenario {
	r := rand.New(rand.NewPCG(seed, 1))
	pick := func(n ...int) int { return n[r.IntN(len(n))] }
	s := scenario{seed: seed, tokens: pick(0, 1, 2, 7, 33, 64, 200), nodes: pick(1, 1, 2)}
	s.model.Experts = pick(1, 2, 8, 8, 16, 60, 64)
	if seed%250 == 7 {
		s.tokens, s.model.Experts = pick(1000, 10000), pick(64, 256)
	}
	s.model.TopK = min(s.model.Experts, pick(1, 2, 4, 8))
	s.model.Weighting.Normalize = r.IntN(2) == 0
	s.scores = randomScores(r, s.tokens, s.model.Experts)
	if r.IntN(3) == 0 {
		s.class = make([]uint8, s.tokens)
		for t := range s.class {
			s.class[t] = uint8(r.IntN(3))
		}
	}
	gammas := []float64{0.3, 0.5, 1, 1, 1.25, 1.5, 2}
	s.cfg = Config{Policy: Policy(r.IntN(4)), Seed: seed, Scope: Scope(r.IntN(4) / 3)}
	factor := func() Factor { return Times(gammas[r.IntN(len(gammas))]) }
	s.cfg.Expert = factor()
	if r.IntN(3) == 0 {
		s.cfg.Rank = factor()
	}
	if r.IntN(4) == 0 {
		s.cfg.Node = factor()
	}
	if r.IntN(4) == 0 && (s.cfg.Rank.set || s.cfg.Node.set) {
		s.cfg.Expert = Factor{}
	}
	switch s.cfg.Policy {
	case Drop:
		s.cfg.Order = Order(r.IntN(4))
	case Reroute:
		s.cfg.Rounds = pick(0, 0, 1, 2, 3)
		if s.tokens > 1000 {
			s.cfg.Rounds = pick(1, 2, 3) // the twin sorts all pairs in every round
		}
		s.cfg.Floor = []float64{0, 0, 0.5, 0.9}[r.IntN(4)]
	case Expanded:
		s.cfg.Extra.Kind = ExtraKind(r.IntN(4))
		if s.cfg.Extra.Kind == ListedExperts {
			s.cfg.Extra.Experts = []int{r.IntN(s.model.Experts)}
		}
	}
	return s
}

// randomScores are rows of scores: smooth, skewed, tied, all equal or one-hot.
func randomScores(r *rand.Rand, tokens, experts int) []float32 {
	scores := make([]float32, tokens*experts)
	kind := r.IntN(6)
	for i := range scores {
		e := i % experts
		switch kind {
		case 0:
			scores[i] = r.Float32()
		case 1:
			scores[i] = float32(math.Exp(r.NormFloat64())) / float32(1+e)
		case 2:
			scores[i] = float32(r.IntN(4)) / 4
		case 3:
			scores[i] = 0.5
		case 4:
			if e == 0 {
				scores[i] = 1
			}
		case 5: // some experts are no candidates
			scores[i] = r.Float32()
			if r.IntN(3) == 0 {
				scores[i] = float32(math.Inf(-1))
			}
		}
	}
	return scores
}

// layout deals the experts to ranks in blocks, the ranks to nodes likewise.
func (s scenario) layout(ranks int) Layout {
	l := Contiguous(s.model.Experts, ranks)
	nodes := min(s.nodes, ranks)
	rankNode := make([]int32, ranks)
	for r := range rankNode {
		rankNode[r] = int32(r * nodes / ranks)
	}
	l, err := NewLayout(l.ExpertRank, rankNode)
	if err != nil {
		panic(err)
	}
	return l
}

// outcome is a step's plan put together from all ranks, in order of global token id.
type outcome struct {
	experts [][]int32
	weights [][]float32
	ledger  Ledger
	after   []int64
	rounds  int
	hash    []uint64
}

// plan runs the planner on ranks in-process ranks that hold the given tokens.
func (s scenario) plan(ranks int, held [][]int32, layout Layout) (outcome, error) {
	out := outcome{experts: make([][]int32, s.tokens), weights: make([][]float32, s.tokens), hash: make([]uint64, ranks)}
	ledgers := make([]Ledger, ranks)
	err := collective.Run(ranks, collective.Options{}, func(c collective.Communicator) error {
		p, err := NewPlanner(c, s.cfg, s.model, layout)
		if err != nil {
			return err
		}
		var plan *Plan
		for range 2 { // the second time on used buffers
			if plan, err = p.Plan(s.step(held[c.Rank()])); err != nil {
				return err
			}
		}
		for i, t := range held[c.Rank()] {
			out.experts[t] = slices.Clone(plan.Expert[plan.Offset[i]:plan.Offset[i+1]])
			out.weights[t] = slices.Clone(plan.Weight[plan.Offset[i]:plan.Offset[i+1]])
		}
		ledgers[c.Rank()] = plan.Ledger
		out.hash[c.Rank()] = plan.Hash()
		if c.Rank() == 0 {
			out.after, out.rounds = slices.Clone(plan.LoadAfter), plan.Rounds
		}
		return nil
	})
	for _, l := range ledgers {
		out.ledger.Add(l)
	}
	return out, err
}

func (s scenario) step(held []int32) Step {
	step := Step{Layer: 3, Tokens: held}
	for _, t := range held {
		step.Scores = append(step.Scores, s.scores[int(t)*s.model.Experts:int(t+1)*s.model.Experts]...)
		if s.class != nil {
			step.Class = append(step.Class, s.class[t])
		}
	}
	if s.class != nil && step.Class == nil {
		step.Class = []uint8{}
	}
	return step
}

// deal gives tokens to ranks: in blocks, or at random and out of order.
func deal(tokens, ranks int, r *rand.Rand) [][]int32 {
	held := make([][]int32, ranks)
	shuffled := r.IntN(2) == 0
	for i, t := range r.Perm(tokens) {
		if !shuffled {
			t = i
		}
		to := t * ranks / tokens
		if shuffled {
			to = r.IntN(ranks)
		}
		held[to] = append(held[to], int32(t))
	}
	return held
}

func (s scenario) twin(held [][]int32, l Layout) twin {
	w := twin{cfg: s.cfg, layout: l, topK: s.model.TopK, experts: s.model.Experts, scores: s.scores, class: s.class, rankOf: make([]int, s.tokens), layer: 3}
	for r, tokens := range held {
		for _, t := range tokens {
			w.rankOf[t] = r
		}
	}
	return w
}

func TestPlannerAgreesWithTwinOnAnyRanks(t *testing.T) {
	cases := 3000
	if testing.Short() {
		cases = 300
	}
	for seed := range uint64(cases) {
		s := randomScenario(seed)
		ranks := []int{1, 2, 3, 4, 8}[seed%5]
		if ranks > s.model.Experts {
			ranks = 1
		}
		checkAgainstTwin(t, s, ranks)
		if t.Failed() {
			return
		}
	}
}

// A capacity that is rounded down to 0 leaves nothing.
func TestCapacityOfZeroRefusesAll(t *testing.T) {
	for seed := range uint64(40) {
		s := randomScenario(seed)
		s.tokens, s.class, s.model.Experts, s.model.TopK = 3, nil, 16, 4
		s.scores = randomScores(rand.New(rand.NewPCG(seed, 4)), s.tokens, s.model.Experts)
		s.cfg = Config{Policy: Drop, Order: Order(seed % 4), Scope: Scope(seed % 2), Expert: Times(1), Rounding: MegaBlocks}
		if seed%3 == 0 {
			s.cfg.Rank = Times(2)
		}
		for _, ranks := range []int{1, 2, 3, 4, 8} {
			checkAgainstTwin(t, s, ranks)
		}
	}
}

func checkAgainstTwin(t *testing.T, s scenario, ranks int) {
	t.Helper()
	held := deal(s.tokens, ranks, rand.New(rand.NewPCG(s.seed, 2)))
	layout := s.layout(ranks)
	got, err := s.plan(ranks, held, layout)
	if err != nil {
		t.Fatalf("%v: P=%d: %v", s, ranks, err)
	}
	want, rerouted := s.twin(held, layout).kept()
	for i := range want {
		experts := slices.Sorted(slices.Values(got.experts[i]))
		if !slices.Equal(experts, want[i]) {
			t.Errorf("%v: P=%d: token %d keeps %v, twin %v", s, ranks, i, experts, want[i])
			return
		}
	}
	if int(got.ledger.Rerouted) != rerouted {
		t.Errorf("%v: P=%d: rerouted %d, twin %d", s, ranks, got.ledger.Rerouted, rerouted)
	}
	for r, rows := range layout.RankLoads(got.after) {
		if room := s.cfg.Rows(layout, s.model.TopK, s.tokens, len(layout.Owned(r))); rows > int64(room) {
			t.Errorf("%v: P=%d: rank %d receives %d rows, its budgets bound %d", s, ranks, r, rows, room)
		}
	}
	for r, h := range got.hash {
		if h != got.hash[0] {
			t.Errorf("%v: P=%d: rank %d holds hash %x, rank 0 %x", s, ranks, r, h, got.hash[0])
		}
	}
}

func TestGlobalScopeIsTheSameForAnyRanks(t *testing.T) {
	for seed := range uint64(300) {
		s := randomScenario(seed)
		s.cfg.Scope = Global
		s.cfg.Rank, s.cfg.Node = Factor{}, Factor{} // these budgets follow P by definition
		s.cfg.Expert = Times(1)
		if s.cfg.Extra.Kind == OwnRank || s.cfg.Extra.Kind == OwnNode {
			s.cfg.Extra.Kind = AllExperts
		}
		r := rand.New(rand.NewPCG(seed, 3))
		one, err := s.plan(1, deal(s.tokens, 1, r), s.layout(1))
		if err != nil {
			t.Fatalf("%v: %v", s, err)
		}
		for _, ranks := range []int{2, 3, 4, 8} {
			if ranks > s.model.Experts {
				continue
			}
			many, err := s.plan(ranks, deal(s.tokens, ranks, r), s.layout(ranks))
			if err != nil {
				t.Fatalf("%v: P=%d: %v", s, ranks, err)
			}
			for i := range one.experts {
				if !slices.Equal(one.experts[i], many.experts[i]) || !slices.Equal(one.weights[i], many.weights[i]) {
					t.Fatalf("%v: P=%d: token %d keeps %v %v, on one rank %v %v", s, ranks, i, many.experts[i], many.weights[i], one.experts[i], one.weights[i])
				}
			}
			if one.ledger != many.ledger || one.rounds != many.rounds || one.hash[0] != many.hash[0] {
				t.Fatalf("%v: P=%d: ledger %+v rounds %d, on one rank %+v rounds %d", s, ranks, many.ledger, many.rounds, one.ledger, one.rounds)
			}
		}
	}
}

// Reroute to the end is stable: where a token would rather have an expert than one it
// got, or than nothing, that expert is full of pairs it prefers.
func TestRerouteToTheEndIsStable(t *testing.T) {
	for seed := range uint64(300) {
		s := randomScenario(seed)
		s.cfg = Config{Policy: Reroute, Expert: Times([]float64{0.5, 1, 1.25, 2}[seed%4])}
		ranks := min(s.model.Experts, []int{1, 3}[seed%2])
		held := deal(s.tokens, ranks, rand.New(rand.NewPCG(seed, 4)))
		got, err := s.plan(ranks, held, s.layout(ranks))
		if err != nil {
			t.Fatalf("%v: %v", s, err)
		}
		if err := s.unstable(s.twin(held, s.layout(ranks)), got.experts); err != nil {
			t.Fatalf("%v: P=%d: %v", s, ranks, err)
		}
	}
}

// unstable finds a pair that token and expert would both rather have.
func (s scenario) unstable(w twin, kept [][]int32) error {
	c := s.cfg.budgets(s.layout(1), s.model.TopK, s.tokens).Expert
	holders := make([][]int, s.model.Experts)
	for t, experts := range kept {
		for _, e := range experts {
			holders[e] = append(holders[e], t)
		}
	}
	for t, experts := range kept {
		free := len(experts) < s.model.TopK
		for _, e := range w.ranking(t) { // best first
			if slices.Contains(experts, int32(e)) {
				continue
			}
			rather := free || slices.ContainsFunc(experts, func(other int32) bool {
				return w.score(t, e) > w.score(t, int(other)) || w.score(t, e) == w.score(t, int(other)) && int32(e) < other
			})
			if !rather {
				continue
			}
			if len(holders[e]) < c {
				return fmt.Errorf("token %d would rather have expert %d, which has room: %d of %d", t, e, len(holders[e]), c)
			}
			for _, other := range holders[e] {
				if w.compare(twinPair{t, e, 0}, twinPair{other, e, 0}) < 0 {
					return fmt.Errorf("token %d and expert %d would rather have each other than token %d", t, e, other)
				}
			}
		}
	}
	return nil
}

func TestNaNScoreIsRefusedOnEveryRank(t *testing.T) {
	s := randomScenario(1)
	s.cfg, s.tokens = Config{}, 16
	s.scores = make([]float32, s.tokens*s.model.Experts)
	s.class = nil
	s.scores[9*s.model.Experts] = float32(math.NaN())
	errs := make([]error, 2)
	collective.Run(2, collective.Options{}, func(c collective.Communicator) error {
		p, err := NewPlanner(c, s.cfg, s.model, s.layout(min(2, s.model.Experts)))
		if err != nil {
			return err
		}
		held := deal(16, 2, rand.New(rand.NewPCG(2, 2)))
		_, errs[c.Rank()] = p.Plan(s.step(held[c.Rank()]))
		return nil
	})
	for r, err := range errs {
		if err == nil {
			t.Errorf("rank %d accepted a NaN score", r)
		}
	}
}

func TestPlansAllocateNothingOnceWarm(t *testing.T) {
	s := randomScenario(7)
	s.cfg = Config{Policy: Reroute, Expert: Times(1)}
	s.class = nil
	held := deal(s.tokens, 1, rand.New(rand.NewPCG(7, 5)))
	err := collective.Run(1, collective.Options{}, func(c collective.Communicator) error {
		p, err := NewPlanner(c, s.cfg, s.model, s.layout(1))
		if err != nil {
			return err
		}
		step := s.step(held[0])
		plan := func() {
			if _, err := p.Plan(step); err != nil {
				t.Error(err)
			}
		}
		plan()
		if n := testing.AllocsPerRun(20, plan); n > 0 {
			t.Errorf("%v allocations a plan of %d tokens", n, s.tokens)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestMaxOverMean(t *testing.T) {
	for _, c := range []struct {
		rule  string
		loads []int64
		want  float64
	}{
		{"nothing is balanced", []int64{0, 0, 0}, 1},
		{"equal loads are balanced", []int64{5, 5}, 1},
		{"one of all is as many times the mean as there are", []int64{0, 0, 8, 0}, 4},
		{"the largest counts", []int64{1, 2, 3}, 1.5},
	} {
		t.Run(c.rule, func(t *testing.T) {
			if got := MaxOverMean(c.loads); got != c.want {
				t.Errorf("%v, want %v", got, c.want)
			}
		})
	}
}

// The floor is compared in float64: a product rounded to float32 would accept what lies below it.
func TestFloorIsNotRounded(t *testing.T) {
	const below = float32(0.9)
	s := scenario{model: Model{Experts: 2, TopK: 1}, tokens: 2, nodes: 1, scores: []float32{1, below, 1, below}}
	s.cfg = Config{Policy: Reroute, Expert: Times(1), Floor: 0.9}
	out, err := s.plan(1, [][]int32{{0, 1}}, s.layout(1))
	if err != nil {
		t.Fatal(err)
	}
	if out.ledger.Dropped != 1 {
		t.Errorf("%v was accepted for 0.9 × 1", below)
	}
}

// A rank without tokens selects nothing, so its capacity is granted to nobody.
func TestEffectiveFactorIsOfRanksWithTokens(t *testing.T) {
	for _, rounding := range []Rounding{Standard, DeepSpeed} {
		s := scenario{model: Model{Experts: 4, TopK: 1}, tokens: 1, nodes: 1, scores: []float32{1, 0, 0, 0}}
		s.cfg = Config{Policy: Drop, Scope: Local, Expert: Times(4), Rounding: rounding}
		want := 4 * float64(s.cfg.budgets(s.layout(4), 1, 1).Expert)
		err := collective.Run(4, collective.Options{}, func(c collective.Communicator) error {
			p, err := NewPlanner(c, s.cfg, s.model, s.layout(4))
			if err != nil {
				return err
			}
			var held []int32
			if c.Rank() == 2 {
				held = []int32{0}
			}
			plan, err := p.Plan(s.step(held))
			if err == nil && plan.EffectiveFactor() != want {
				t.Errorf("rounding %d: rank %d: effective factor %v, want %v", rounding, c.Rank(), plan.EffectiveFactor(), want)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// original changes nothing, not a bit, of a token that keeps its own top K.
func TestOriginalMassLeavesWholeTokensAlone(t *testing.T) {
	for seed := range uint64(300) {
		s := randomScenario(seed)
		layout, held := s.layout(1), deal(s.tokens, 1, rand.New(rand.NewPCG(seed, 6)))
		plain, err := s.plan(1, held, layout)
		if err != nil {
			t.Fatal(err)
		}
		s.cfg.Renormalize = OriginalMass
		scaled, err := s.plan(1, held, layout)
		if err != nil {
			t.Fatal(err)
		}
		w := s.twin(held, layout)
		for token, experts := range plain.experts {
			ranking := w.ranking(token)
			whole := slices.EqualFunc(experts, ranking[:min(s.model.TopK, len(ranking))], func(a int32, b int) bool { return int(a) == b })
			if whole && !slices.Equal(scaled.weights[token], plain.weights[token]) {
				t.Fatalf("%v: token %d: weights %v, want %v", s, token, scaled.weights[token], plain.weights[token])
			}
		}
	}
}

// No budget is exceeded, in either scope: a plan that does stops the job.
func TestPlanBeyondItsBudgetsIsNotValid(t *testing.T) {
	for _, scope := range []Scope{Global, Local} {
		s := scenario{model: Model{Experts: 4, TopK: 1}, tokens: 4, nodes: 1}
		s.scores = []float32{1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1}
		for _, c := range []struct {
			factors [3]float64 // of expert, rank and node; 0: none
			says    string
		}{
			{[3]float64{1, 0, 0}, "expert 0 keeps 4 pairs, capacity 1"},
			{[3]float64{4, 0.75, 0}, "rank 0 gets 4 pairs, capacity 3"},
			{[3]float64{4, 0, 0.5}, "node 0 gets 4 pairs, capacity 2"},
		} {
			s.cfg = Config{Policy: Drop, Scope: scope}
			for i, f := range []*Factor{&s.cfg.Expert, &s.cfg.Rank, &s.cfg.Node} {
				if c.factors[i] > 0 {
					*f = Times(c.factors[i])
				}
			}
			err := collective.Run(1, collective.Options{}, func(comm collective.Communicator) error {
				p, err := NewPlanner(comm, s.cfg, s.model, s.layout(1))
				if err != nil {
					return err
				}
				plan, err := p.Plan(s.step([]int32{0, 1, 2, 3}))
				if err != nil {
					return err
				}
				plan.Expert = []int32{0, 0, 0, 0}
				plan.Offset = []int32{0, 1, 2, 3, 4}
				plan.Ledger.Kept, plan.Ledger.Dropped = 4, 0
				copy(plan.LoadAfter, []int64{4, 0, 0, 0})
				if err := plan.valid(s.layout(1), s.cfg); err == nil || !strings.Contains(err.Error(), c.says) {
					t.Errorf("scope %d: %v, want %q", scope, err, c.says)
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}

// The paper's code has no least capacity, where capmoe's own is 1.
func TestLeastCapacities(t *testing.T) {
	for rounding, want := range map[Rounding]int{Standard: 1, Authors: 0, MegatronLM: 0, DeepSpeed: 4, Tutel: 0, FastMoE: 0, MegaBlocks: 0} {
		c := Config{Policy: Drop, Scope: Local, Expert: Times(1), Rounding: rounding}
		if got := c.budgets(Contiguous(8, 2), 2, 0).Expert; got != want {
			t.Errorf("rounding %d: capacity %d of no tokens, want %d", rounding, got, want)
		}
	}
}
