package runtime

import (
	"fmt"
	"slices"

	"capmoe/layers"
	"capmoe/layers/capacity"
)

// Limits bound a step of a generation.
type Limits struct {
	Sequences int // that are under way at a time
	Tokens    int // of a step, prompts in pieces among them
}

// Validate reports faults of the limits. A step has room for one piece of a prompt
// beside one token of every other sequence, so that no prompt waits forever.
func (l Limits) Validate() error {
	const most = capacity.MaxTokens
	if l.Sequences < 1 {
		return fmt.Errorf("runtime: batch of %d sequences, want 1 or more", l.Sequences)
	}
	if l.Sequences > most {
		return fmt.Errorf("runtime: batch of %d sequences, want at most %d, the most tokens of a step", l.Sequences, most)
	}
	if piece := layers.PageTokens + 1; l.Tokens < l.Sequences-1+piece {
		return fmt.Errorf("runtime: steps of %d tokens, want %d or more: a piece of a prompt is up to %d, and %d other sequences bring one each",
			l.Tokens, l.Sequences-1+piece, piece, l.Sequences-1)
	}
	return nil
}

// sequence is a request under way.
type sequence struct {
	request int     // its number
	rank    int     // that has its cache
	ids     []int32 // the prompt and what was generated
	prompt  int     // tokens of the prompt
	most    int     // tokens of ids at the end, at most
	done    int     // tokens of ids that are in the cache
	text    *prose  // of what was generated; nil where nobody asks for it
	ended   Reason  // why nothing follows; empty: something does
	spread  bool    // all ranks bring pieces of the prompt
}

// generated is the tokens after the prompt.
func (s *sequence) generated() []int32 { return s.ids[s.prompt:] }

// part is what a sequence brings to a step: its next n tokens.
type part struct {
	*sequence
	n int
}

// tokens are the ids of the part.
func (p part) tokens() []int32 { return p.ids[p.done : p.done+p.n] }

// ends tells whether the part is all that is known of the sequence: what follows it is
// the next token.
func (p part) ends() bool { return p.done+p.n == len(p.ids) }

// spread tells whether all ranks bring pieces of the part. Then it is of a prompt: what follows
// comes a token at a time, or, without a cache, with its prompt.
func (p part) spread() bool { return p.sequence.spread && p.done < p.prompt }

// scheduler decides what every step is made of. It decides alike on every rank, from
// what all ranks know, and nothing but a sequence's rank follows from how many ranks
// there are. Sequences come in the order of their requests and leave when they are done.
//
//	waiting ─ admit ─▶ running ─ next ─▶ parts of a step ─ advance, leave ─▶ done
type scheduler struct {
	Limits
	whole   bool        // sequences have no cache: they bring all their tokens to every step
	waiting []*sequence // in order of request
	running []*sequence // in order of request
	loads   []int       // [P] tokens that the running sequences of a rank will have
	parts   []part      // of the step
	lengths []int       // [parts] tokens
	ranks   []int       // [parts]
}

func newScheduler(l Limits, ranks int, waiting []*sequence) *scheduler {
	return &scheduler{Limits: l, waiting: waiting, loads: make([]int, ranks)}
}

// next lists the parts of the next step in order of request; none: all is done.
// Sequences past their prompt bring one token each; what room is left goes to prompts,
// first come, first served.
func (s *scheduler) next() []part {
	s.parts = s.parts[:0]
	room, fresh := s.Tokens, 0
	for _, q := range s.running {
		if len(q.ids)-q.done == 1 {
			room--
		}
	}
	for _, q := range s.running {
		n := 1
		if rest := len(q.ids) - q.done; rest > 1 {
			n = s.piece(rest, room)
			room -= n
		}
		if n > 0 {
			s.parts = append(s.parts, part{q, n})
		}
	}
	for len(s.waiting) > 0 && len(s.running) < s.Sequences {
		q := s.waiting[0]
		n := s.piece(len(q.ids), room)
		if n == 0 {
			break
		}
		room -= n
		s.admit(q)
		s.parts = append(s.parts, part{q, n})
		fresh++
	}
	s.spread(s.parts[len(s.parts)-fresh:])
	return s.parts
}

// spread has all ranks bring the prompts that begin in this step, where that evens out what they
// have to do.
func (s *scheduler) spread(fresh []part) {
	s.lengths, s.ranks = s.lengths[:0], s.ranks[:0]
	for _, p := range s.parts {
		s.lengths, s.ranks = append(s.lengths, p.n), append(s.ranks, p.rank)
	}
	if len(fresh) == 0 || !uneven(s.lengths, s.ranks, len(s.loads)) {
		return
	}
	for _, p := range fresh {
		p.sequence.spread = p.n >= leastSpread
	}
}

// piece is how many of the rest tokens of a sequence fit into the room of a step.
// Pieces end at multiples of a page, and leave more than one token (layers.Pages).
func (s *scheduler) piece(rest, room int) int {
	if s.whole || rest <= room {
		return rest
	}
	return min(max(0, room)/layers.PageTokens, layers.Pages(rest)-1) * layers.PageTokens
}

// admit gives the first waiting sequence to the rank with the least to do.
func (s *scheduler) admit(q *sequence) {
	s.waiting = s.waiting[1:]
	q.rank = slices.Index(s.loads, slices.Min(s.loads))
	s.loads[q.rank] += q.most
	s.running = append(s.running, q)
}

// advance takes note that the step was made.
func (s *scheduler) advance() {
	for _, p := range s.parts {
		if !s.whole {
			p.done += p.n
		}
	}
}

// leave takes sequences out that are done.
func (s *scheduler) leave(done func(*sequence) bool) {
	s.running = slices.DeleteFunc(s.running, func(q *sequence) bool {
		if !done(q) {
			return false
		}
		s.loads[q.rank] -= q.most
		return true
	})
}

// decoding tells whether every sequence of the step brings one token.
func decoding(parts []part) bool {
	return !slices.ContainsFunc(parts, func(p part) bool { return p.n != 1 })
}
