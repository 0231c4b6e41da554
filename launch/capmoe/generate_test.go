package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"capmoe/launch"
	"capmoe/runtime"
)

// writings are the greedy texts of the shipped model that another implementation has
// generated.
type writings struct {
	Generations []struct {
		Prompt    string
		PromptIDs []int32 `json:"prompt_ids"`
		IDs       []int32
		Text      string
	}
}

// withResults is what --json says of a prompt.
type withResults struct {
	runtime.GenerationReport
	Results []runtime.Result
}

// writeLines writes values as JSON lines and returns the path.
func writeLines[T any](t *testing.T, values []T) string {
	t.Helper()
	var lines []byte
	for _, v := range values {
		line, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(append(lines, line...), '\n')
	}
	path := filepath.Join(t.TempDir(), "in.jsonl")
	writeFile(t, path, lines)
	return path
}

// readLines reads results by id, each of which has to be there once, on a whole line.
func readLines(t *testing.T, path string) map[string]runtime.Result {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	results := map[string]runtime.Result{}
	for line := range strings.Lines(string(data)) {
		r := parse[runtime.Result](t, line)
		if _, twice := results[string(r.ID)]; twice || !strings.HasSuffix(line, "\n") {
			t.Fatalf("%s: id %s is there twice, or its line is cut short", path, r.ID)
		}
		results[string(r.ID)] = r
	}
	return results
}

// A prompt is continued on standard output as another implementation does it.
func TestGeneratePrompt(t *testing.T) {
	var want writings
	readJSON(t, filepath.Join(shippedModel, "reference.json"), &want)
	for i, ranks := range []int{alone, 1, 3} {
		g := want.Generations[i]
		args := []string{"generate", "--model", shippedModel, "--prompt", g.Prompt, "--max-tokens", "40"}
		res := capmoe(ranks, args...).run(t)
		if res.code != 0 || res.stdout != g.Text+"\n" {
			t.Errorf("%d ranks: exit code %d, %q, want %q\n%s", ranks, res.code, res.stdout, g.Text, res.stderr)
		}
		checkContains(t, res.stderr, fmt.Sprintf("40 tokens from prompts of %d:", len(g.PromptIDs)))
		report := parse[withResults](t, capmoe(ranks, append(args, "--json", "-")...).output(t))
		if report.Generated != 40 || len(report.Results) != 1 || report.Results[0].Text != g.Text || !slices.Equal(report.Results[0].Tokens, g.IDs) || len(report.Layers) != 4 {
			t.Errorf("%d ranks: the report has %d tokens, results %+v", ranks, report.Generated, report.Results)
		}
	}
}

// A stop string is one whatever is in it, and one of several may end a text.
func TestGenerateStops(t *testing.T) {
	args := []string{"generate", "--model", shippedModel, "--prompt", "hello", "--max-tokens", "5"}
	whole := strings.TrimSuffix(capmoe(alone, args...).output(t), "\n")
	before, _, found := strings.Cut(whole, " the")
	if !found {
		t.Fatalf("the text is %q, want one with a stop string", whole)
	}
	for _, c := range []struct {
		rule, want string
		flags      []string
	}{
		{"commas end no stop string", whole, []string{"--stop", "q,a,b"}},
		{"a stop string with a comma is found", "", []string{"--stop", whole[:4]}},
		{"one of several is found", before, []string{"--stop", "q", "--stop", " the"}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			if got := capmoe(alone, append(args, c.flags...)...).output(t); got != c.want+"\n" {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

// A file of requests, as text and as tokens, gives the same on any ranks, and again
// nothing; in whatever order results come, each is a line.
func TestGenerateFile(t *testing.T) {
	var want writings
	readJSON(t, filepath.Join(shippedModel, "reference.json"), &want)
	var lines []map[string]any
	for i, g := range want.Generations {
		lines = append(lines, map[string]any{"prompt": g.Prompt, "max_tokens": 40 - 7*i},
			map[string]any{"id": fmt.Sprint("tokens ", i), "tokens": g.PromptIDs, "max_tokens": 40},
			map[string]any{"id": fmt.Sprint("drawn ", i), "tokens": g.PromptIDs, "temperature": 1, "top_p": 0.9, "stop": []string{"the", "\n"}})
	}
	input := writeLines(t, lines)
	var first map[string]runtime.Result
	for _, ranks := range []int{alone, 3} {
		output := filepath.Join(t.TempDir(), "out.jsonl")
		args := []string{"generate", "--model", shippedModel, "--input", input, "--output", output, "--max-batch", "4", "--max-step-tokens", "70", "--seed", "5"}
		checkContains(t, capmoe(ranks, args...).output(t), "15 requests in "+output+", 15 of them now")
		results := readLines(t, output)
		for i, g := range want.Generations {
			if r := results[fmt.Sprint(3*i)]; !slices.Equal(r.Tokens, g.IDs[:40-7*i]) || !strings.HasPrefix(g.Text, r.Text) {
				t.Errorf("%d ranks, prompt %d: %+v, want %v", ranks, i, r, g.IDs)
			}
			if r := results[fmt.Sprintf(`"tokens %d"`, i)]; !slices.Equal(r.Tokens, g.IDs) || r.Text != g.Text || r.Dropped != 0 || r.Kept != int64(len(g.PromptIDs)+39)*16 {
				t.Errorf("%d ranks, tokens %d: %+v, want %v", ranks, i, r, g.IDs)
			}
			if r := results[fmt.Sprintf(`"drawn %d"`, i)]; r.FinishReason == runtime.AtStop && strings.ContainsAny(r.Text, "\n") {
				t.Errorf("%d ranks, drawn %d: %+v, want none of the stop strings", ranks, i, r)
			}
		}
		if first == nil {
			first = results
		}
		if got, want := fmt.Sprint(results), fmt.Sprint(first); got != want {
			t.Errorf("%d ranks give\n%s, one gives\n%s", ranks, got, want)
		}
		before, _ := os.ReadFile(output)
		checkContains(t, capmoe(ranks, args...).output(t), "15 requests in "+output+", 0 of them now")
		if after, _ := os.ReadFile(output); string(after) != string(before) {
			t.Errorf("%d ranks: a second run changes the output", ranks)
		}
		checkContains(t, capmoe(ranks, append(args, "--overwrite")...).output(t), "15 of them now")
		if again := readLines(t, output); fmt.Sprint(again) != fmt.Sprint(first) {
			t.Errorf("%d ranks: anew it gives another output", ranks)
		}
	}
}

// A job whose rank is killed ends at once; the same command again finishes it, and
// what it has then is what an undisturbed run has.
func TestGenerateAfterAKill(t *testing.T) {
	var want writings
	readJSON(t, filepath.Join(shippedModel, "reference.json"), &want)
	var lines []map[string]any
	for i := range 60 {
		g := want.Generations[i%len(want.Generations)]
		lines = append(lines, map[string]any{"id": fmt.Sprint("request ", i), "prompt": g.Prompt, "max_tokens": 40 + i%60, "temperature": i % 2})
	}
	input := writeLines(t, lines)
	command := func(output string) job {
		return capmoe(3, "generate", "--model", shippedModel, "--input", input, "--output", output, "--max-batch", "6")
	}
	undisturbed := filepath.Join(t.TempDir(), "out.jsonl")
	command(undisturbed).output(t)
	all := readLines(t, undisturbed)
	for _, rank := range []int{0, 1} {
		t.Run(fmt.Sprint("rank ", rank), func(t *testing.T) {
			output := filepath.Join(t.TempDir(), "out.jsonl")
			r := command(output).start(t)
			for size := int64(0); size < 500; time.Sleep(5 * time.Millisecond) {
				if info, err := os.Stat(output); err == nil {
					size = info.Size()
				}
				if time.Since(r.began) > hardLimit/2 {
					t.Fatal("no result comes")
				}
			}
			victims := r.processes(fmt.Sprintf("OMPI_COMM_WORLD_RANK=%d\x00", rank))
			if len(victims) != 1 {
				t.Fatalf("%d processes of rank %d", len(victims), rank)
			}
			shot := time.Now()
			if err := syscall.Kill(victims[0], syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			checkEnds(t, r, shot)
			half, err := os.ReadFile(output)
			if err != nil {
				t.Fatal(err)
			}
			half = half[:bytes.LastIndexByte(half, '\n')+1]
			if n := strings.Count(string(half), "\n"); n == 0 || n == len(all) {
				t.Fatalf("%d of %d results were there when the rank died", n, len(all))
			}
			writeFile(t, output, append(half, `{"id":"request 59","prompt_tok`...)) // as if cut short
			command(output).output(t)
			if got := readLines(t, output); fmt.Sprint(got) != fmt.Sprint(all) {
				t.Errorf("the finished job has\n%v, an undisturbed one\n%v", got, all)
			}
			if after, _ := os.ReadFile(output); !strings.HasPrefix(string(after), string(half)) {
				t.Error("results that were there are not as they were")
			}
		})
	}
}

// A job goes on only with what it began with: results of other flags, or of another model, are not mixed.
func TestGenerateGoesOnAsItBegan(t *testing.T) {
	dir := t.TempDir()
	input, output := filepath.Join(dir, "in.jsonl"), filepath.Join(dir, "out.jsonl")
	writeFile(t, input, []byte(`{"prompt": "hello", "id": "a"}`+"\n"+`{"prompt": "world", "id": "b"}`+"\n"))
	args := []string{"generate", "--model", shippedModel, "--input", input, "--output", output, "--max-tokens", "3"}
	capmoe(2, args...).output(t)
	before, err := os.ReadFile(output)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		flags []string
		text  string
	}{
		{[]string{"--max-tokens", "4"}, `"max_tokens"`},
		{[]string{"--temperature", "1"}, "sampling"},
		{[]string{"--gamma", "1"}, "capacity"},
		{[]string{"--dtype", "bf16"}, "--dtype"},
		{[]string{"--model", newModel().write(t)}, "another model"},
	} {
		for _, ranks := range faultRanks {
			checkFault(t, capmoe(ranks, append(args, c.flags...)...), launch.ExitFailed, output, "line 1", `"asked"`, c.text, "not results of this job")
		}
	}
	capmoe(alone, append(args, "--max-batch", "1", "--moe-token-dispatcher-type", "hierarchical")...).output(t)
	if after, _ := os.ReadFile(output); string(after) != string(before) {
		t.Errorf("results are %q, were %q", after, before)
	}
}

// A token that ends texts, but is none of the vocabulary, is told once, unless nothing is to end them. It changes nothing, and stands for no other.
func TestEndOutsideTheVocabulary(t *testing.T) {
	m := newModel()
	args := []string{"generate", "--prompt", "x", "--max-tokens", "20", "--json", "-", "--model"}
	want := parse[withResults](t, capmoe(alone, append(args, m.write(t))...).output(t)).Results[0]
	for _, eos := range []int{smallVocab, 1<<32 + int(want.Tokens[5]), -1} {
		m.config["eos_token_id"] = eos
		dir := m.write(t)
		told := fmt.Sprintf("capmoe: note: generate: %s/config.json: field \"eos_token_id\": [%d] end no text: the vocabulary is 0 to %d\n", dir, eos, smallVocab-1)
		for _, ranks := range []int{alone, 3} {
			res := capmoe(ranks, append(args, dir)...).run(t)
			if res.code != 0 || res.stderr != told {
				t.Errorf("%d, %d ranks: exit code %d, standard error %q, want %q", eos, ranks, res.code, res.stderr, told)
			}
			if got := parse[withResults](t, res.stdout).Results[0]; !slices.Equal(got.Tokens, want.Tokens) {
				t.Errorf("%d, %d ranks: tokens %v, want %v", eos, ranks, got.Tokens, want.Tokens)
			}
		}
		if res := capmoe(alone, append(args, dir, "--ignore-eos")...).run(t); res.stderr != "" {
			t.Errorf("%d with --ignore-eos: %s", eos, res.stderr)
		}
	}
}
