package layers

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"capmoe/collective"
	"capmoe/layers/capacity"
	"capmoe/layers/kernel"
)

// madeWay is a random way of rows, without experts: three steps through two layers.
type madeWay struct {
	seed       uint64
	hidden     int
	dtype      kernel.DType
	policy     capacity.Config
	layout     capacity.Layout
	placements []Placement
	tokens     [3][]int // [P] that each rank brings to each step
}

const (
	wayExperts = 11
	wayTopK    = 4
)

func makeWay(seed uint64, nodes []int32) madeWay {
	r := rand.New(rand.NewPCG(seed, 1))
	w := madeWay{seed: seed, hidden: 1 + r.IntN(9), dtype: kernel.DType(r.IntN(2))}
	if i := r.IntN(len(policies) + 1); i < len(policies) {
		w.policy = policies[i]
	} else {
		w.policy = capacity.Config{Policy: capacity.Drop, Expert: capacity.Times(3), Rounding: capacity.MegaBlocks, Order: capacity.Arrival, AfterDispatch: true}
	}
	w.layout, _ = capacity.NewLayout(capacity.Contiguous(wayExperts, len(nodes)).ExpertRank, nodes)
	where := PlacementOf(w.layout)
	if r.IntN(2) == 0 {
		load := make([]int64, wayExperts)
		for e := range load {
			load[e] = r.Int64N(100)
		}
		where = Balance(load, len(nodes), r.IntN(6))
	}
	w.placements = []Placement{where, PlacementOf(w.layout)}
	for step := range w.tokens {
		for range nodes {
			w.tokens[step] = append(w.tokens[step], r.IntN(3)*r.IntN(8)*(1+4*step))
		}
	}
	return w
}

// seen is what a rank sees of a step.
type seen struct {
	rows            kernel.Values // that have come, [N, H]
	counts, compute []int
	load            int
	y               []uint32 // [T_l, H] bits
}

// on lets all ranks exchange rows over a wire, and gives what each sees of every step, [P][steps].
func (w madeWay) on(wire Wire, wrap func(collective.Communicator) collective.Communicator) ([][]seen, error) {
	all := make([][]seen, w.layout.Ranks())
	err := collective.Run(w.layout.Ranks(), collective.Options{}, func(c collective.Communicator) error {
		planner, err := capacity.NewPlanner(c, w.policy, capacity.Model{Experts: wayExperts, TopK: wayTopK}, w.layout)
		if err != nil {
			return err
		}
		cfg := Config{Hidden: w.hidden, MoE: MoEConfig{Experts: wayExperts, TopK: wayTopK}}
		ways, err := newExchanges(wrap(c), Parts{Config: cfg, Policy: w.policy, Wire: wire, DType: w.dtype, Layout: w.layout, Placements: w.placements, Overlap: 1})
		if err != nil {
			return err
		}
		for step, tokens := range w.tokens {
			for layer, way := range ways {
				s, err := w.step(c, planner, way, layer, tokens)
				if err != nil {
					return fmt.Errorf("step %d: %w", step, err)
				}
				all[c.Rank()] = append(all[c.Rank()], s)
			}
		}
		return nil
	})
	return all, err
}

// plan makes the plan of a step, and the hidden states of this rank's tokens.
func (w madeWay) plan(c collective.Communicator, planner *capacity.Planner, layer int, tokens []int) (*capacity.Plan, []float32, error) {
	first := 0
	for _, n := range tokens[:c.Rank()] {
		first += n
	}
	n := tokens[c.Rank()]
	ids, scores, x := make([]int32, n), make([]float32, n*wayExperts), make([]float32, n*w.hidden)
	r := rand.New(rand.NewPCG(w.seed, uint64(2+first)))
	for t := range ids {
		ids[t] = int32(first + t)
	}
	for i := range scores {
		scores[i] = float32(math.Pow(r.Float64(), float64(1+i%wayExperts))) // some experts are hot
	}
	for i := range x {
		x[i] = r.Float32() - 0.5
	}
	plan, err := planner.Plan(capacity.Step{Layer: layer, Scores: scores, Tokens: ids})
	return plan, x, err
}

func cloned(v kernel.Values) kernel.Values {
	return kernel.Values{F32: slices.Clone(v.F32), BF16: slices.Clone(v.BF16)}
}

// step carries the rows of a step there and back, and checks y.
func (w madeWay) step(c collective.Communicator, planner *capacity.Planner, way exchange, layer int, tokens []int) (s seen, err error) {
	plan, x, err := w.plan(c, planner, layer, tokens)
	if err != nil {
		return s, err
	}
	e, y := Exchange{way: way}, slices.Repeat([]float32{float32(math.NaN())}, len(x))
	if err := e.Dispatch(plan, x); err != nil {
		return s, err
	}
	s = seen{rows: cloned(e.in.rows), counts: slices.Clone(e.in.counts), compute: slices.Clone(e.in.compute), load: e.in.load}
	e.Negate()
	if err := e.Combine(plan, y); err != nil {
		return s, err
	}
	for t := range tokens[c.Rank()] {
		for j := range w.hidden {
			v, want := x[t*w.hidden+j], float32(0)
			if w.dtype == kernel.BF16 {
				v = kernel.RoundBF16(v)
			}
			for i := plan.Offset[t]; i < plan.Offset[t+1]; i++ {
				want += float32(plan.Weight[i] * -v)
			}
			if got := y[t*w.hidden+j]; math.Float32bits(got) != math.Float32bits(want) {
				return s, fmt.Errorf("layer %d, rank %d, token %d, column %d: %v, want %v", layer, c.Rank(), t, j, got, want)
			}
		}
	}
	for _, v := range y {
		s.y = append(s.y, math.Float32bits(v))
	}
	return s, nil
}

func bare(c collective.Communicator) collective.Communicator { return c }

// Every rank gets the same rows in the same places, and the same sums, whichever way they come.
func TestHierarchicalEqualsAllToAll(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	for trial := range 200 {
		nodes := make([]int32, 1+trial%8)
		for i, most := 0, 1+r.IntN(len(nodes)); i < len(nodes); i++ {
			nodes[i] = int32(r.IntN(most))
		}
		if trial%2 == 0 {
			slices.Sort(nodes)
		}
		w := makeWay(uint64(trial), nodes)
		want, err := w.on(AllToAll, bare)
		if err != nil {
			t.Fatalf("nodes %v, %v, %v: alltoall: %v", nodes, w.policy.Policy, w.dtype, err)
		}
		got, err := w.on(Hierarchical, bare)
		if err != nil {
			t.Fatalf("nodes %v, %v, %v: %v", nodes, w.policy.Policy, w.dtype, err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("nodes %v, %v, %v, placement %v: ranks see\n%v, by alltoall\n%v", nodes, w.policy.Policy, w.dtype, w.placements[0].Held, got, want)
		}
	}
}

// A mixture has the bits of one rank, also where the exchanges of its layers fall back one after the other.
func TestHierarchicalNodesChangeNoBit(t *testing.T) {
	for name, nodes := range nodeMaps {
		for i, policy := range policies {
			m := makeMixture(uint64(50+i), 61)
			m.nodes = nodes
			if err := m.equalsOneRank(Dialect{Policy: policy, Wire: Hierarchical}); err != nil {
				t.Errorf("%s, %v: %v", name, policy.Policy, err)
			}
		}
	}
}

func TestHierarchicalTakesRelaysOnlyBetweenNodes(t *testing.T) {
	for name, nodes := range nodeMaps {
		w := makeWay(1, nodes)
		err := collective.Run(len(nodes), collective.Options{}, func(c collective.Communicator) error {
			ways, err := newExchanges(c, Parts{Wire: Hierarchical, Layout: w.layout, Overlap: 1})
			if err != nil {
				return err
			}
			if _, relays := ways[0].(*hierarchical); relays != (name != "one node") {
				return fmt.Errorf("the exchange is a %T", ways[0])
			}
			return nil
		})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// unshared is a communicator whose groups share no memory.
type unshared struct{ collective.Communicator }

func (u unshared) Split(color, key int) (collective.Communicator, error) {
	c, err := u.Communicator.Split(color, key)
	return unshared{c}, err
}

func TestHierarchicalWithoutSharedMemoryIsAllToAll(t *testing.T) {
	for name, nodes := range nodeMaps {
		w := makeWay(3, nodes)
		want, err := w.on(AllToAll, bare)
		if err != nil {
			t.Fatal(err)
		}
		got, err := w.on(Hierarchical, func(c collective.Communicator) collective.Communicator {
			if w.layout.RankNode[c.Rank()] == w.layout.RankNode[3] { // on one node only
				return unshared{c}
			}
			return c
		})
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: ranks see %v, by alltoall %v (%v)", name, got, want, err)
		}
	}
}

// A row crosses to a node once, in one message from its rank, and an output comes back for each pair.
func TestRowsCrossToANodeOnce(t *testing.T) {
	for name, nodes := range nodeMaps {
		w := makeWay(5, nodes)
		w.policy, w.dtype = capacity.Config{}, kernel.F32
		err := collective.Run(len(nodes), collective.Options{}, func(c collective.Communicator) error { return w.countsCrossings(c) })
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func (w madeWay) countsCrossings(c collective.Communicator) error {
	planner, err := capacity.NewPlanner(c, w.policy, capacity.Model{Experts: wayExperts, TopK: wayTopK}, w.layout)
	if err != nil {
		return err
	}
	var spent, there collective.Traffic
	e, err := NewExchange(collective.Counted(c, &spent), Parts{Config: Config{Hidden: w.hidden}, Wire: Hierarchical, Layout: w.layout})
	if err != nil {
		return err
	}
	plan, x, err := w.plan(c, planner, 0, slices.Repeat([]int{20}, c.Size()))
	if err != nil {
		return err
	}
	for range 2 { // first memory grows
		spent = collective.Traffic{}
		if err := e.Dispatch(plan, x); err != nil {
			return err
		}
		there = spent
		if err := e.Combine(plan, x); err != nil {
			return err
		}
	}
	node := func(rank int32) int32 { return w.layout.RankNode[rank] }
	home, slots, crossed := node(int32(c.Rank())), 0, make(map[[2]int32]int) // pairs by token and node
	for _, rank := range w.layout.ExpertRank {
		if node(rank) != home {
			slots++
		}
	}
	pairs := []int64{0, spent.Bytes - there.Bytes}
	for t := range plan.TokenIDs {
		for _, x := range plan.Expert[plan.Offset[t]:plan.Offset[t+1]] {
			if to := node(w.layout.ExpertRank[x]); to != home {
				crossed[[2]int32{int32(t), to}]++
				pairs[0]++
			}
		}
	}
	nodes, value := len(peersOf(relaysOf(w.layout, c.Rank()))), 4
	want := collective.Traffic{Calls: 2, Messages: 2 * nodes, Bytes: int64(value * (nodes*recordWords + slots + int(pairs[0]) + len(crossed)*w.hidden))}
	if nodes == 0 {
		want.Calls = 0
	}
	if there != want {
		return fmt.Errorf("rank %d sends %+v, want %+v of %d pairs and %d rows to %d nodes", c.Rank(), there, want, pairs[0], len(crossed), nodes)
	}
	if err := collective.AllReduce(c, collective.Sum, pairs); err != nil {
		return err
	}
	if want := int64(value*w.hidden) * pairs[0]; pairs[1] != want {
		return fmt.Errorf("%d bytes come back for %d pairs, want %d", pairs[1], pairs[0], want)
	}
	return nil
}

func TestRelays(t *testing.T) {
	for _, c := range []struct {
		rule  string
		nodes []int32
		want  [][]int // [P, P]
	}{
		{"one node has none", []int32{0, 0}, [][]int{{-1, -1}, {-1, -1}}},
		{"ranks with the same place on their nodes", []int32{0, 0, 1, 1}, [][]int{{-1, -1, 2, 2}, {-1, -1, 3, 3}, {0, 0, -1, -1}, {1, 1, -1, -1}}},
		{"wherever these are", []int32{0, 1, 0, 1}, [][]int{{-1, 1, -1, 1}, {0, -1, 0, -1}, {-1, 3, -1, 3}, {2, -1, 2, -1}}},
		{"places wrap round on smaller nodes", []int32{0, 0, 0, 2, 2}, [][]int{{-1, -1, -1, 3, 3}, {-1, -1, -1, 4, 4}, {-1, -1, -1, 3, 3}, {0, 0, 0, -1, -1}, {1, 1, 1, -1, -1}}},
		{"a rank alone is its own", []int32{1, 0, 2}, [][]int{{-1, 1, 2}, {0, -1, 2}, {0, 1, -1}}},
	} {
		l, err := capacity.NewLayout(nil, c.nodes)
		if err != nil {
			t.Fatal(err)
		}
		for r, want := range c.want {
			if got := relaysOf(l, r); !slices.Equal(got, want) {
				t.Errorf("%s: relays of rank %d are %v, want %v", c.rule, r, got, want)
			}
		}
	}
}
