package runtime

import (
	"fmt"
	"slices"
	"testing"

	"capmoe/layers"

	"pgregory.net/rapid"
)

// jobSizes is a made-up list of requests: the prompt and the tokens to come of each.
type jobSizes struct {
	limits           Limits
	prompts, answers []int
}

func drawJob(t *rapid.T) jobSizes {
	n := rapid.IntRange(0, 20).Draw(t, "requests")
	j := jobSizes{limits: Limits{Sequences: rapid.IntRange(1, 8).Draw(t, "sequences")}}
	j.limits.Tokens = j.limits.Sequences + layers.PageTokens + rapid.IntRange(0, 200).Draw(t, "more tokens")
	if err := j.limits.Validate(); err != nil {
		t.Fatal(err)
	}
	for range n {
		j.prompts = append(j.prompts, rapid.IntRange(1, 300).Draw(t, "prompt"))
		j.answers = append(j.answers, rapid.IntRange(1, 30).Draw(t, "answer"))
	}
	return j
}

// play runs a schedule to its end and returns what every step was made of. It checks
// the limits, and that pieces end with pages and leave more than one token.
func (j jobSizes) play(t *rapid.T, ranks int) (steps []string, ended []int) {
	var waiting []*sequence
	for i, n := range j.prompts {
		waiting = append(waiting, &sequence{request: i, ids: make([]int32, n), prompt: n, most: n + j.answers[i]})
	}
	s := newScheduler(j.limits, ranks, waiting)
	ended = make([]int, len(j.prompts))
	for {
		parts := s.next()
		if len(parts) == 0 {
			return steps, ended
		}
		tokens, step := 0, ""
		for i, p := range parts {
			tokens += p.n
			step += fmt.Sprintf("%d:%d ", p.request, p.n)
			if rest := len(p.ids) - p.done - p.n; p.n < 1 || rest != 0 && (rest == 1 || (p.done+p.n)%layers.PageTokens != 0) {
				t.Fatalf("request %d brings %d tokens after %d of %d", p.request, p.n, p.done, len(p.ids))
			}
			if i > 0 && parts[i-1].request >= p.request {
				t.Fatalf("parts are not in order of request: %s", step)
			}
			if p.rank < 0 || p.rank >= ranks {
				t.Fatalf("request %d is on rank %d of %d", p.request, p.rank, ranks)
			}
		}
		if tokens > j.limits.Tokens || len(parts) > j.limits.Sequences || len(s.running) > j.limits.Sequences {
			t.Fatalf("%d tokens of %d sequences, %d under way; limits %+v", tokens, len(parts), len(s.running), j.limits)
		}
		steps = append(steps, step)
		for _, p := range parts {
			if p.ends() {
				p.ids = append(p.ids, 0)
			}
		}
		s.advance()
		s.leave(func(q *sequence) bool {
			if len(q.ids) < q.most {
				return false
			}
			ended[q.request]++
			return true
		})
	}
}

// Every request ends once, within the limits, and the steps are the same whatever the
// number of ranks.
func TestEveryRequestEndsOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		j := drawJob(t)
		steps, ended := j.play(t, 1)
		for i, times := range ended {
			if times != 1 {
				t.Fatalf("request %d ended %d times", i, times)
			}
		}
		if more, _ := j.play(t, rapid.IntRange(2, 9).Draw(t, "ranks")); !slices.Equal(more, steps) {
			t.Fatalf("steps %q, on one rank %q", more, steps)
		}
	})
}

// A sequence goes where the fewest tokens will be, and frees its place when it leaves.
func TestSequencesGoToTheLeastLoadedRank(t *testing.T) {
	var waiting []*sequence
	for i, most := range []int{20, 4, 4, 3, 9} {
		waiting = append(waiting, &sequence{request: i, ids: make([]int32, 2), prompt: 2, most: most})
	}
	s := newScheduler(Limits{Sequences: 4, Tokens: 100}, 2, waiting)
	s.next()
	s.advance()
	s.leave(func(q *sequence) bool { return q.request == 0 })
	s.next()
	var ranks []int
	for _, q := range s.running {
		ranks = append(ranks, q.rank)
	}
	if want := []int{1, 1, 1, 0}; !slices.Equal(ranks, want) {
		t.Errorf("requests 1 to 4 are on ranks %v, want %v", ranks, want)
	}
}

func TestLimits(t *testing.T) {
	for _, c := range []struct {
		rule   string
		limits Limits
		ok     bool
	}{
		{"one sequence needs a page and a token", Limits{1, 65}, true},
		{"less is too little", Limits{1, 64}, false},
		{"every other sequence brings a token", Limits{9, 73}, true},
		{"which has to fit beside them", Limits{9, 72}, false},
		{"there is a sequence", Limits{0, 100}, false},
	} {
		if err := c.limits.Validate(); (err == nil) != c.ok {
			t.Errorf("%s: %v", c.rule, err)
		}
	}
}
