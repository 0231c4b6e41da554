package capacity

import (
	"cmp"
	"math"
	"slices"
)

// twin decides a whole step in one place, with lists and sorting and nothing clever:
// what the planner must agree with, pair for pair.
type twin struct {
	cfg     Config
	layout  Layout
	topK    int
	experts int
	scores  []float32 // [T, E]
	class   []uint8
	rankOf  []int // [T] the rank that holds a token
	layer   int
}

type twinPair struct {
	token, expert, slot int
}

// kept returns the experts of every token, sorted, and how many slots moved.
func (w twin) kept() (experts [][]int32, rerouted int) {
	t := len(w.rankOf)
	if w.cfg.Scope == Global {
		all := make([]int, t)
		for i := range all {
			all[i] = i
		}
		return w.selectAmong(all)
	}
	experts = make([][]int32, t)
	for r := range w.layout.Ranks() {
		var own []int
		for i, rank := range w.rankOf {
			if rank == r {
				own = append(own, i)
			}
		}
		part, n := w.selectAmong(own)
		rerouted += n
		for _, i := range own {
			experts[i] = part[i]
		}
	}
	return experts, rerouted
}

func (w twin) selectAmong(tokens []int) ([][]int32, int) {
	budgets := w.cfg.budgets(w.layout, w.topK, len(tokens))
	var alive []twinPair
	choice := map[int][]int{}
	next := map[int]int{}
	for _, t := range tokens {
		ranking := w.ranking(t)
		k := min(w.topK, len(ranking))
		choice[t], next[t] = ranking, k
		for j := range k {
			alive = append(alive, twinPair{t, ranking[j], j})
		}
		if w.cfg.Policy == Expanded {
			for _, e := range w.layout.offers(w.cfg.Extra, w.rankOf[t]) {
				if slices.Contains(ranking[k:], int(e)) {
					alive = append(alive, twinPair{t, int(e), w.topK})
				}
			}
		}
	}
	for round := 1; ; round++ {
		var refused []twinPair
		alive, refused = w.greedy(alive, budgets)
		if w.cfg.Policy != Reroute || round == w.cfg.Rounds || len(refused) == 0 {
			break
		}
		slices.SortFunc(refused, func(a, b twinPair) int {
			return cmp.Or(cmp.Compare(a.token, b.token), cmp.Compare(a.slot, b.slot))
		})
		for _, p := range refused {
			ranking := choice[p.token]
			if next[p.token] == len(ranking) {
				continue
			}
			e := ranking[next[p.token]]
			if float64(w.score(p.token, e)) < w.cfg.Floor*float64(w.score(p.token, ranking[p.slot])) {
				continue
			}
			next[p.token]++
			alive = append(alive, twinPair{p.token, e, p.slot})
		}
	}
	kept := make([][]int32, len(w.rankOf))
	rerouted := 0
	for _, p := range alive {
		kept[p.token] = append(kept[p.token], int32(p.expert))
		if p.slot < w.topK && choice[p.token][p.slot] != p.expert {
			rerouted++
		}
	}
	for _, experts := range kept {
		slices.Sort(experts)
	}
	return kept, rerouted
}

func (w twin) score(t, e int) float32 { return w.scores[t*w.experts+e] }

func (w twin) ranking(t int) []int {
	var ranking []int
	for e := range w.experts {
		if !math.IsInf(float64(w.score(t, e)), -1) {
			ranking = append(ranking, e)
		}
	}
	slices.SortStableFunc(ranking, func(a, b int) int { return cmp.Compare(w.score(t, b), w.score(t, a)) })
	return ranking
}

// greedy is the definition: go through the candidates in order, keep each one for
// which expert, rank and node have room.
func (w twin) greedy(pairs []twinPair, b Budgets) (kept, refused []twinPair) {
	pairs = slices.Clone(pairs)
	slices.SortFunc(pairs, w.compare)
	expert, rank, node := map[int]int{}, map[int32]int{}, map[int32]int{}
	for _, p := range pairs {
		r := w.layout.ExpertRank[p.expert]
		n := w.layout.RankNode[r]
		if expert[p.expert] < b.Expert && rank[r] < b.Rank && node[n] < b.Node {
			expert[p.expert]++
			rank[r]++
			node[n]++
			kept = append(kept, p)
		} else {
			refused = append(refused, p)
		}
	}
	return kept, refused
}

func (w twin) compare(a, b twinPair) int {
	class := func(p twinPair) uint8 {
		if w.class == nil {
			return 0
		}
		return w.class[p.token]
	}
	by := cmp.Compare(class(b), class(a))
	switch w.cfg.Order {
	case Probs:
		by = cmp.Or(by, cmp.Compare(w.score(b.token, b.expert), w.score(a.token, a.expert)))
	case Last:
		return cmp.Or(by, cmp.Compare(b.token, a.token), cmp.Compare(a.expert, b.expert))
	case Random:
		hash := func(p twinPair) uint32 {
			seed := mix(w.cfg.Seed ^ mix(uint64(w.layer)+1))
			return uint32(mix(seed ^ uint64(p.token)<<32 ^ uint64(p.expert)))
		}
		by = cmp.Or(by, cmp.Compare(hash(b), hash(a)))
	}
	return cmp.Or(by, cmp.Compare(a.token, b.token), cmp.Compare(a.expert, b.expert))
}
