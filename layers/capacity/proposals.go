package capacity

import (
	"fmt"
	"math"
)

// Step is what one rank brings to a plan: its tokens' scores and who they are.
type Step struct {
	Layer  int       // seeds Order Random
	Scores []float32 // [T_l, E] router scores, higher is better; -Inf is no candidate
	Gates  []float32 // [T_l, E] scores that weights are made of; nil: Scores
	Tokens []int32   // [T_l] global token ids, in any order
	Class  []uint8   // [T_l] priority class, higher is kept first; nil: all equal
}

func (s Step) class(t int) uint8 {
	if s.Class == nil {
		return 0
	}
	return s.Class[t]
}

// pair is one token's proposal to an expert.
type pair struct {
	key  Key
	slot uint32 // t·width + place of the token that made it
}

// A slot is one of the expert computations a token is entitled to: K for its top
// choices, then one for each expert that Expanded offers. A slot holds the expert
// that it proposes to, or one of these.
const (
	openSlot  = -1 // refused, may propose again
	deadSlot  = -2 // refused, and may not: the next expert is below the floor, or there is none on offer
	spentSlot = -3 // refused, and its token has no expert left to propose to
)

// proposals is the token's side of a plan: what each local token has asked for.
type proposals struct {
	step      Step
	keys      keyer
	experts   int
	topK      int
	width     int // slots of a token
	weighting Weighting
	bars      *agreement // where set, proposals that its bars rule out are passed over
	noBars    []int32    // [E] bars that every score passes
	floor     float64    // a substitute needs floor × the score of the choice it stands for

	chooser chooser
	choice  []int32 // [T_l, K] the token's top K, best first; -1 where there are fewer candidates
	slot    []int32 // [T_l, width] expert proposed to, or what became of the slot
	order   []int32 // [T_l, E] scores as integers of the same order
	last    []int32 // [T_l] the worst expert proposed to so far in the token's ranking

	held  [][]pair // [E] proposals not refused so far
	fresh [][]pair // [E] proposals of this round

	refused   []int32 // tokens refused in this round
	isRefused []bool  // [T_l]
}

// tokens is the number of local tokens.
func (p *proposals) tokens() int { return len(p.step.Tokens) }

// start makes every token's first proposals: its top K and the experts on offer.
// It fails on a score that is NaN or above MaxScore.
func (p *proposals) start(step Step, keys keyer, offers []int32) error {
	p.step, p.keys = step, keys
	p.width = p.topK + len(offers)
	n := len(step.Tokens)
	p.choice = resize(p.choice, n*p.topK)
	p.slot = resize(p.slot, n*p.width)
	p.last = resize(p.last, n)
	p.order = resize(p.order, n*p.experts)
	p.isRefused = resize(p.isRefused, n)
	clear(p.isRefused)
	p.refused = p.refused[:0]
	for e := range p.experts {
		p.held[e], p.fresh[e] = p.held[e][:0], p.fresh[e][:0]
	}
	for t := range n {
		scores := p.scores(t)
		choice := p.choice[t*p.topK : (t+1)*p.topK]
		if !p.chooser.top(choice, p.order[t*p.experts:(t+1)*p.experts], scores) {
			bad := firstBad(scores)
			return fmt.Errorf("capacity: layer %d: router score of token %d for expert %d is %v, want a number of at most %d", step.Layer, step.Tokens[t], bad, scores[bad], MaxScore)
		}
		for j, e := range choice {
			p.propose(t, j, e)
		}
		for j, e := range offers {
			if contains(choice, e) || math.IsInf(float64(scores[e]), -1) {
				p.slot[t*p.width+p.topK+j] = deadSlot
				continue
			}
			p.propose(t, p.topK+j, e)
		}
		if p.topK > 0 {
			p.last[t] = choice[p.topK-1]
		}
	}
	return nil
}

// scores is the row of local token t, [E].
func (p *proposals) scores(t int) []float32 {
	return p.step.Scores[t*p.experts : (t+1)*p.experts]
}

// key is the place of choice j of local token t among the candidates of expert e.
func (p *proposals) key(t, j int, e int32) Key {
	class, token := p.step.class(t), p.step.Tokens[t]
	switch p.keys.order {
	case Probs:
		return scoreKey(class, p.order[t*p.experts+int(e)], token)
	case FinalWeights:
		return scoreKey(class, scoreOrder(p.weighting.weight(p.gates(t)[e], p.top(t))), token)
	}
	return p.keys.key(offer{class, token, e, int32(j), int32(t)})
}

// gates is the row that weights of local token t are made of, [E].
func (p *proposals) gates(t int) []float32 {
	if p.step.Gates == nil {
		return p.scores(t)
	}
	return p.step.Gates[t*p.experts : (t+1)*p.experts]
}

// top is the sum of the gates of local token t's top K, in order of score.
func (p *proposals) top(t int) (sum float32) {
	gates := p.gates(t)
	for _, e := range p.choice[t*p.topK : (t+1)*p.topK] {
		if e >= 0 {
			sum += gates[e]
		}
	}
	return sum
}

// whole tells whether local token t ends with its top K and nothing else.
func (p *proposals) whole(t int) bool {
	choice := p.choice[t*p.topK : (t+1)*p.topK]
	for j, e := range p.slot[t*p.width : (t+1)*p.width] {
		want := int32(-1)
		if j < p.topK {
			want = choice[j]
		}
		if e != want && max(e, want) >= 0 {
			return false
		}
	}
	return true
}

// propose puts slot j of token t forward to expert e; e < 0 is nobody.
func (p *proposals) propose(t, j int, e int32) {
	at := t*p.width + j
	if e < 0 {
		p.slot[at] = deadSlot
		return
	}
	p.slot[at] = e
	p.fresh[e] = append(p.fresh[e], pair{p.key(t, j, e), uint32(at)})
}

// hold takes the round's proposals to expert e as held.
func (p *proposals) hold(e int32) {
	p.held[e] = append(p.held[e], p.fresh[e]...)
	p.fresh[e] = p.fresh[e][:0]
}

// refuse opens the slot of a proposal that lost.
func (p *proposals) refuse(lost pair) {
	p.slot[lost.slot] = openSlot
	t := int32(int(lost.slot) / p.width)
	if !p.isRefused[t] {
		p.isRefused[t] = true
		p.refused = append(p.refused, t)
	}
}

// proposeNext lets every token refused in the last round offer its open slots, best
// choice first, to its next best experts.
func (p *proposals) proposeNext() {
	for _, t := range p.refused {
		p.isRefused[t] = false
		p.proposeSubstitutes(int(t))
	}
	p.refused = p.refused[:0]
}

func (p *proposals) proposeSubstitutes(t int) {
	scores := p.scores(t)
	next := int32(-1)
	for j := range p.topK {
		at := t*p.width + j
		if p.slot[at] != openSlot {
			continue
		}
		if next < 0 && p.last[t] >= 0 {
			next = p.nextChoice(t)
		}
		if next < 0 {
			p.slot[at] = spentSlot
			continue
		}
		if float64(scores[next]) < p.floor*float64(scores[p.choice[t*p.topK+j]]) {
			p.slot[at] = deadSlot
			continue
		}
		p.propose(t, j, next)
		p.last[t], next = next, -1
	}
}

// nextChoice is the best expert after the last proposal in the token's ranking, or -1.
// With bars it is the best one whose bar the token passes: the others would refuse.
func (p *proposals) nextChoice(t int) int32 {
	order := p.order[t*p.experts : (t+1)*p.experts]
	if p.bars == nil {
		return nextBest(order, p.noBars, p.last[t])
	}
	if p.step.Class == nil {
		next := nextBest(order, p.bars.barOrder, p.last[t])
		if next < 0 || !p.barred(t, next) {
			return next
		}
	}
	// a tie with a bar, or classes: score alone does not tell
	for next := p.last[t]; ; {
		if next = nextBest(order, p.noBars, next); next < 0 || !p.barred(t, next) {
			return next
		}
	}
}

// barred tells whether the bars rule out a proposal of local token t to expert e.
func (p *proposals) barred(t int, e int32) bool {
	return p.bars.refuses(e, p.key(t, 0, e))
}

func firstBad(scores []float32) int {
	for e, s := range scores {
		if !(s <= MaxScore) {
			return e
		}
	}
	return -1
}

func contains(experts []int32, e int32) bool {
	for _, x := range experts {
		if x == e {
			return true
		}
	}
	return false
}

// resize returns a slice of n elements in the same memory where it suffices.
func resize[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n, n+n/4)
	}
	return s[:n]
}
