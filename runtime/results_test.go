package runtime

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"capmoe/layers"
	"capmoe/layers/capacity"
	"capmoe/layers/kernel"
)

// openedResults opens results on ranks and returns the ids of what is left.
func openedResults(t *testing.T, ranks int, path string, requests []Request, anew bool) (left []string, err error) {
	t.Helper()
	onEngines(t, trainedModel, ranks, func(e *Engine) error {
		r, some, fault := e.OpenResults(path, requests, anew)
		if fault == nil {
			fault = r.Close()
		}
		if e.proc.Comm.Rank() == ranks-1 {
			err = fault
			for _, request := range some {
				left = append(left, string(request.ID))
			}
		}
		return nil
	})
	return left, err
}

func TestRequestsWithResultsAreNotLeft(t *testing.T) {
	requests := someRequests(5, []int32{1, 2}, []int32{3}, []int32{4})
	requests[1].ID = marshalID("<a>\u2028")
	line := `{"id":"<a>\u2028","prompt_tokens":1,"tokens":[5],"text":"x","finish_reason":"stop"}` + "\n"
	for _, c := range []struct {
		rule, file string
		anew       bool
		left       string
	}{
		{"no result", "", false, `0 "<a>\u2028" 2`},
		{"one", line, false, "0 2"},
		{"one and a half", line + line[:20], false, "0 2"},
		{"one and a character", line + line[:1], false, "0 2"},
		{"one but for the end of its line", line[:len(line)-1], false, `0 "<a>\u2028" 2`},
		{"one, given up", line, true, `0 "<a>\u2028" 2`},
		{"what is given up may be anything", "x\n", true, `0 "<a>\u2028" 2`},
	} {
		for _, ranks := range []int{1, 2} {
			path := filepath.Join(t.TempDir(), "results")
			if err := os.WriteFile(path, []byte(c.file), 0o666); err != nil {
				t.Fatal(err)
			}
			left, err := openedResults(t, ranks, path, requests, c.anew)
			if got := strings.Join(left, " "); err != nil || got != c.left {
				t.Errorf("%s, P=%d: left are %s, %v; want %s", c.rule, ranks, got, err, c.left)
			}
		}
	}
}

func TestResultsOfAnotherJob(t *testing.T) {
	requests := someRequests(5, []int32{1, 2})
	const good = `{"id":0,"prompt_tokens":2,"finish_reason":"eos"}` + "\n"
	for _, c := range []struct{ rule, file, text string }{
		{"a line is a result", good + "x\n", "line 2: not JSON"},
		{"a file of others stays whole", "x\ny", "line 1: not JSON"},
		{"not one of others without a line's end either", "x", "line 1: not JSON"},
		{"nor the rest of one", good + "x", "line 2: not JSON"},
		{"nor JSON of others", `{"architectures":["M"]}`, "line 1: no result of a request with id"},
		{"nor JSON of others with ids", `{"id":0,"name":"x"}`, "line 1: no result of a request with id"},
		{"its request is known", `{"id":"0","prompt_tokens":2,"finish_reason":"eos"}` + "\n", `line 1: no result of a request with id "0"`},
		{"it has an id", `{"prompt_tokens":2}` + "\n", "line 1: no result of a request with id"},
		{"a request has one result", good + good, "line 2: a second result for id 0"},
		{"it was asked for as it would be now", `{"id":0,"prompt_tokens":2,"finish_reason":"eos","asked":"1-2-3"}` + "\n", `line 1: id 0: "asked" is "1-2-3", for this job it would be ""`},
		{"its prompt is as long", `{"id":0,"prompt_tokens":3,"finish_reason":"eos"}` + "\n", "line 1: id 0 had a prompt of 3 tokens, the request has one of 2"},
	} {
		path := filepath.Join(t.TempDir(), "results")
		if err := os.WriteFile(path, []byte(c.file), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := openedResults(t, 2, path, requests, false); err == nil || !strings.Contains(err.Error(), path+": "+c.text) {
			t.Errorf("%s: %v, want %s", c.rule, err, c.text)
		}
		if left, _ := os.ReadFile(path); string(left) != c.file {
			t.Errorf("%s: the file is %q now", c.rule, left)
		}
	}
}

// A result has the mark of its request, which what changes no result leaves as it is.
func TestMarkTellsWhatDiffers(t *testing.T) {
	capped := func(gamma float64) Routing {
		return Routing{Dialect: layers.Dialect{Policy: capacity.Config{Policy: capacity.Drop, Expert: capacity.Times(gamma)}}}
	}
	base := Request{ID: marshalID(int64(0)), Tokens: []int32{1, 2}, MaxTokens: 5, Sampling: Sampling{TopP: 1}}
	job := func(g Generation, r Routing, dtype kernel.DType) string { return g.Settings(r, dtype) }
	had := base.mark(job(Generation{}, capped(1), kernel.F32), "m")
	for _, c := range []struct {
		rule     string
		change   func(r *Request)
		settings string
		differs  string // empty: nothing does
	}{
		{"ids and limits", func(r *Request) { r.ID = marshalID("a") }, job(Generation{Limits: Limits{Sequences: 3}}, capped(1), kernel.F32), ""},
		{"the seed of what draws nothing", func(r *Request) { r.Seed, r.TopK, r.Stream = 5, 3, 9 }, job(Generation{}, capped(1), kernel.F32), ""},
		{"a prompt", func(r *Request) { r.Tokens = []int32{2, 1} }, job(Generation{}, capped(1), kernel.F32), "another prompt"},
		{"tokens", func(r *Request) { r.MaxTokens = 6 }, job(Generation{}, capped(1), kernel.F32), `another "max_tokens"`},
		{"a temperature", func(r *Request) { r.Temperature = 1 }, job(Generation{}, capped(1), kernel.F32), "sampling"},
		{"a stop string", func(r *Request) { r.Stop = []string{"x"} }, job(Generation{}, capped(1), kernel.F32), "stop strings"},
		{"a factor", func(*Request) {}, job(Generation{}, capped(1.0000001), kernel.F32), "flags of capacity"},
		{"a policy", func(*Request) {}, job(Generation{}, Routing{}, kernel.F32), "flags of capacity"},
		{"a dialect", func(*Request) {}, job(Generation{}, Routing{Baseline: "megatron-probs", Dialect: capped(1).Dialect}, kernel.F32), "flags of capacity"},
		{"a dtype", func(*Request) {}, job(Generation{}, capped(1), kernel.BF16), "--dtype"},
		{"the end of texts", func(*Request) {}, job(Generation{IgnoreEOS: true}, capped(1), kernel.F32), "--ignore-eos"},
	} {
		now := base
		c.change(&now)
		err := sameMark(had, now.mark(c.settings, "m"))
		if (err == nil) != (c.differs == "") || err != nil && !strings.Contains(err.Error(), c.differs) {
			t.Errorf("%s: %v, want %q", c.rule, err, c.differs)
		}
	}
	if err := sameMark(had, base.mark(job(Generation{}, capped(1), kernel.F32), "n")); err == nil || !strings.Contains(err.Error(), "another model") {
		t.Errorf("a model: %v", err)
	}
	if one, other := job(Generation{}, Routing{}, kernel.F32), job(Generation{}, Routing{Baseline: "eplb"}, kernel.F32); one != other {
		t.Errorf("dropless is %q by one name, %q by another", one, other)
	}
}

// A line is the result of a request that there is, or a fault.
func FuzzFindRequest(f *testing.F) {
	for _, line := range []string{`{"id":0,"prompt_tokens":2,"finish_reason":"eos"}`, `{"id":"0"}`, `{"id":null,"finish_reason":"x"}`, `[]`, `{`} {
		f.Add([]byte(line))
	}
	requests := someRequests(5, []int32{1, 2}, []int32{3})
	f.Fuzz(func(t *testing.T, line []byte) {
		i, err := findRequest(line, requests, map[string]int{"0": 0, "1": 1})
		if err == nil && (i < 0 || i >= len(requests) || !json.Valid(line)) {
			t.Fatalf("%q is the result of request %d", line, i)
		}
	})
}
