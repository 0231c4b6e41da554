package runtime

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"capmoe/layers/capacity"
)

const trainedModel = "../examples/tiny-olmoe"

// someRequests are greedy ones.
func someRequests(tokens int, prompts ...[]int32) []Request {
	var requests []Request
	for i, prompt := range prompts {
		requests = append(requests, Request{ID: marshalID(int64(i)), Tokens: prompt, MaxTokens: tokens, Sampling: Sampling{TopP: 1, Stream: uint64(i)}})
	}
	return requests
}

// wide are limits that let all in at once.
var wide = Limits{Sequences: 64, Tokens: 4096}

// generateOn generates on ranks and returns the results in order of request.
func generateOn(t *testing.T, dir string, ranks int, routing Routing, requests []Request, g Generation) ([]Result, *GenerationReport) {
	t.Helper()
	place := map[string]int{}
	for i, r := range requests {
		place[string(r.ID)] = i
	}
	results := make([]Result, len(requests))
	var report *GenerationReport
	finished := func(some []Result) error {
		for _, r := range some {
			i, known := place[string(r.ID)]
			if !known || results[i].ID != nil {
				return fmt.Errorf("a result for id %s, which is unknown or has one", r.ID)
			}
			results[i] = r
		}
		return nil
	}
	onEngines(t, dir, ranks, func(e *Engine) error {
		if err := e.Use(routing); err != nil {
			return err
		}
		r, err := e.Generate(requests, g, Watcher{Finished: finished})
		if e.proc.Comm.Rank() == 0 {
			report = r
		}
		return err
	})
	for i, r := range results {
		if r.ID == nil {
			t.Fatalf("P=%d: request %d has no result", ranks, i)
		}
	}
	return results, report
}

// sameTokens compares results token for token.
func sameTokens(got, want []Result) error {
	for i := range want {
		if g, w := got[i], want[i]; !slices.Equal(g.Tokens, w.Tokens) || g.Text != w.Text || g.FinishReason != w.FinishReason {
			return fmt.Errorf("request %d gives %v %q (%s), want %v %q (%s)", i, g.Tokens, g.Text, g.FinishReason, w.Tokens, w.Text, w.FinishReason)
		}
	}
	return nil
}

func TestGenerationEqualsTheGoldensOnAnyRanks(t *testing.T) {
	data := developmentData(t)
	for _, family := range goldenFamilies {
		t.Run(family, func(t *testing.T) {
			dir := filepath.Join(data, "golden", family)
			f := openTensors(t, filepath.Join(dir, "golden.safetensors"))
			prompts, _ := goldenPrompts(f)
			for _, ranks := range familyRanks {
				for _, limits := range []Limits{wide, {Sequences: 2, Tokens: 66}} {
					results, _ := generateOn(t, dir, ranks, Routing{}, someRequests(16, prompts...), Generation{Limits: limits, IgnoreEOS: true})
					for i, r := range results {
						if want, _ := f.ints(fmt.Sprintf("prompt%d.greedy_ids", i)); !slices.Equal(r.Tokens, want) {
							t.Errorf("P=%d, %d sequences at a time, prompt %d continues %v, want %v", ranks, limits.Sequences, i, r.Tokens, want)
						}
					}
				}
			}
		})
	}
}

// A request gives the same alone, among others, in pieces, on any ranks, and without a
// cache.
func TestGenerationDoesNotDependOnItsCompany(t *testing.T) {
	for rule, m := range cachedConfigs(t) {
		t.Run(rule, func(t *testing.T) {
			dir := m.write()
			requests := someRequests(12, m.text(1), m.text(130), m.text(129), m.text(65), m.text(64), m.text(63), m.text(7))
			for i := range requests[2:] {
				requests[2+i].Temperature = 1
			}
			want, _ := generateOn(t, dir, 1, Routing{}, requests, Generation{Limits: wide})
			for _, ranks := range []int{2, 3} {
				got, _ := generateOn(t, dir, ranks, Routing{}, requests, Generation{Limits: Limits{Sequences: ranks, Tokens: 64 + ranks}})
				if err := sameTokens(got, want); err != nil {
					t.Errorf("P=%d in pieces: %v", ranks, err)
				}
			}
			got, _ := generateOn(t, dir, 2, Routing{}, requests, Generation{Limits: wide, NoCache: true})
			if err := sameTokens(got, want); err != nil {
				t.Errorf("without a cache: %v", err)
			}
			for i := range requests {
				alone, _ := generateOn(t, dir, 1, Routing{}, requests[i:i+1], Generation{Limits: wide})
				if err := sameTokens(alone, want[i:i+1]); err != nil {
					t.Errorf("request %d alone: %v", i, err)
				}
			}
		})
	}
}

// writings are the stored greedy texts of the trained model.
func writings(t *testing.T) (prompts [][]int32, ids [][]int32, texts []string) {
	t.Helper()
	var file struct {
		Generations []struct {
			PromptIDs []int32 `json:"prompt_ids"`
			IDs       []int32
			Text      string
		}
	}
	readJSON(t, filepath.Join(trainedModel, "reference.json"), &file)
	for _, g := range file.Generations {
		prompts, ids, texts = append(prompts, g.PromptIDs), append(ids, g.IDs), append(texts, g.Text)
	}
	return prompts, ids, texts
}

func TestGenerationEqualsReference(t *testing.T) {
	prompts, ids, texts := writings(t)
	for _, ranks := range []int{1, 3} {
		results, report := generateOn(t, trainedModel, ranks, Routing{}, someRequests(40, prompts...), Generation{Limits: wide})
		for i, r := range results {
			if !slices.Equal(r.Tokens, ids[i]) || r.Text != texts[i] || r.FinishReason != AtLength || r.PromptTokens != len(prompts[i]) {
				t.Errorf("P=%d, prompt %d: %+v, want tokens %v, text %q", ranks, i, r, ids[i], texts[i])
			}
		}
		if report.Generated != 200 || report.Requests != 5 || report.PromptTokens != 30 || report.TokensPerSecond <= 0 || report.DecodeSteps != 39 || report.PrefillSteps != 1 {
			t.Errorf("P=%d: %d generated from %d, %d and %d steps", ranks, report.Generated, report.PromptTokens, report.PrefillSteps, report.DecodeSteps)
		}
	}
}

// Each way in which a text ends, from the trained model's known texts.
func TestTextsEnd(t *testing.T) {
	prompts, ids, texts := writings(t)
	request := func(change func(*Request)) []Request {
		r := someRequests(40, prompts[2])
		change(&r[0])
		return r
	}
	for _, c := range []struct {
		rule     string
		requests []Request
		tokens   int
		text     string
		reason   Reason
	}{
		{"after so many tokens", request(func(r *Request) { r.MaxTokens = 3 }), 3, texts[2][:len(" am not a")], AtLength},
		{"before a stop string that several tokens make", request(func(r *Request) { r.Stop = []string{"never", "od deal of m"} }), 7, " am not a go", AtStop},
		{"after the last position of the model", someRequests(40, make([]int32, 510)), 3, "", AtLength},
		{"after the last position, however many are asked for", someRequests(math.MaxInt, make([]int32, 510)), 3, "", AtLength},
		{"after one token where the prompt takes all positions", someRequests(40, make([]int32, 512)), 1, "", AtLength},
	} {
		for _, ranks := range []int{1, 2} {
			results, _ := generateOn(t, trainedModel, ranks, Routing{}, c.requests, Generation{Limits: wide, IgnoreEOS: true})
			r := results[0]
			if len(r.Tokens) != c.tokens || r.FinishReason != c.reason || c.text != "" && (r.Text != c.text || !slices.Equal(r.Tokens, ids[2][:c.tokens])) {
				t.Errorf("%s, P=%d: %d tokens, %q, %s; want %d, %q, %s", c.rule, ranks, len(r.Tokens), r.Text, r.FinishReason, c.tokens, c.text, c.reason)
			}
		}
	}
}

// A token that ends texts is the last one, and not in the text; unless it is ignored.
func TestTextsEndAtTheModelsToken(t *testing.T) {
	m := newMade(t, 31, with(madeBase, map[string]any{"model_type": "mixtral", "num_local_experts": 5}))
	m.fill()
	dir := m.write()
	requests := someRequests(30, m.text(5))
	free, _ := generateOn(t, dir, 1, Routing{}, requests, Generation{Limits: wide})
	last := free[0].Tokens[10]
	first := slices.Index(free[0].Tokens, last)
	never := int32(0)
	for slices.Contains(free[0].Tokens, never) {
		never++
	}
	writeJSON(t, filepath.Join(dir, "generation_config.json"), map[string]any{"eos_token_id": []int32{never, last}})
	for _, c := range []struct {
		ignore bool
		tokens []int32
		reason Reason
	}{{false, free[0].Tokens[:first+1], AtEOS}, {true, free[0].Tokens, AtLength}} {
		got, _ := generateOn(t, dir, 2, Routing{}, requests, Generation{Limits: wide, IgnoreEOS: c.ignore})
		if !slices.Equal(got[0].Tokens, c.tokens) || got[0].FinishReason != c.reason {
			t.Errorf("ignored %v: %v, %s; want %v, %s", c.ignore, got[0].Tokens, got[0].FinishReason, c.tokens, c.reason)
		}
	}
}

// What capacity takes from the requests adds up to what it takes from the run; steps of
// one token a sequence have no capacity unless it is asked for, and none is the same on
// any ranks.
func TestCapacityOfRequests(t *testing.T) {
	prompts, _, _ := writings(t)
	requests := someRequests(10, prompts...)
	routing := routingOf(capacity.Config{Policy: capacity.Drop, Expert: capacity.Times(0.5)})
	dropped := map[bool]int64{}
	for _, inDecode := range []bool{false, true} {
		var first []Result
		for _, ranks := range []int{1, 2, 3} {
			g := Generation{Limits: wide, CapacityInDecode: inDecode}
			results, report := generateOn(t, trainedModel, ranks, routing, requests, g)
			var sum Counts
			for i, r := range results {
				sum.Routed += r.Routed
				sum.Kept += r.Kept
				sum.Dropped += r.Dropped
				if n := int64(r.PromptTokens+len(r.Tokens)-1) * 4 * 4; r.Routed != n || r.Kept+r.Dropped != n {
					t.Errorf("P=%d, request %d: %+v, want %d pairs routed", ranks, i, r.Counts, n)
				}
			}
			if sum.Routed != report.Routed || sum.Kept != report.Kept || sum.Dropped != report.Dropped {
				t.Errorf("P=%d: requests add up to %+v, the run has %+v", ranks, sum, report.Counts)
			}
			if first == nil {
				first = results
			}
			if got, want := asJSON(t, results), asJSON(t, first); got != want {
				t.Errorf("P=%d:\n%s, on one rank\n%s", ranks, got, want)
			}
			dropped[inDecode] = sum.Dropped
			if report.Capacity == nil || *report.Capacity != 2 {
				t.Errorf("P=%d: capacity %v, want that of the prompts' step, 2", ranks, report.Capacity)
			}
		}
	}
	if dropped[false] == 0 || dropped[false] >= dropped[true] {
		t.Errorf("%d pairs dropped with capacity for prompts, %d with capacity in every step", dropped[false], dropped[true])
	}
	free, _ := generateOn(t, trainedModel, 2, Routing{}, someRequests(10, prompts[0][:1]), Generation{Limits: wide})
	capped, _ := generateOn(t, trainedModel, 2, routing, someRequests(10, prompts[0][:1]), Generation{Limits: wide})
	if got, want := asJSON(t, capped), asJSON(t, free); got != want {
		t.Errorf("a prompt of one token under a capacity gives %s, without %s", got, want)
	}
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func writeJSON(t *testing.T, path string, v any) {
	t.Helper()
	if err := os.WriteFile(path, []byte(asJSON(t, v)), 0o666); err != nil {
		t.Fatal(err)
	}
}
