package main

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"capmoe/launch"
)

// A fault of generate's flags, or of its files, ends all ranks with one line that says
// what is wrong where.
func TestGenerateFaults(t *testing.T) {
	m := newModel()
	model := m.write(t)
	good := `{"prompt": "x"}` + "\n"
	long := `{"tokens": [` + strings.Repeat("1, ", 64) + `1]}`
	for _, c := range []struct {
		rule  string
		lines string // of the input; empty: there is a prompt instead
		flags []string
		code  int
		texts []string
	}{
		{"temperature is not negative", "", []string{"--temperature", "-1"}, launch.ExitUsage, []string{"temperature -1", "0 or more"}},
		{"top-p is not 0", "", []string{"--top-p", "0"}, launch.ExitUsage, []string{"top_p 0", "more than 0"}},
		{"top-p is at most 1", "", []string{"--top-p", "1.5"}, launch.ExitUsage, []string{"top_p 1.5"}},
		{"top-k is not negative", "", []string{"--top-k", "-1"}, launch.ExitUsage, []string{"top_k -1"}},
		{"a token is asked for", "", []string{"--max-tokens", "0"}, launch.ExitUsage, []string{"max_tokens 0", "1 or more"}},
		{"a stop string is not empty", "", []string{"--stop", ""}, launch.ExitUsage, []string{"stop string is empty"}},
		{"a batch has a sequence", "", []string{"--max-batch", "0"}, launch.ExitUsage, []string{"batch of 0 sequences"}},
		{"a batch is not absurd", "", []string{"--max-batch", "9223372036854775807"}, launch.ExitUsage, []string{"batch of 9223372036854775807 sequences", "at most 16777216"}},
		{"a step has room for all", "", []string{"--max-batch", "9", "--max-step-tokens", "72"}, launch.ExitUsage, []string{"steps of 72 tokens", "73 or more"}},
		{"the policy is known", "", []string{"--policy", "best"}, launch.ExitUsage, []string{`policy "best"`}},
		{"there is one source of prompts", "", []string{"--input", "x", "--output", "y"}, launch.ExitUsage, []string{"--prompt", "--input"}},
		{"a prompt has no output", "", []string{"--output", "y"}, launch.ExitUsage, []string{"--input and --output"}},
		{"input and output are two files", good, []string{"--input", "x", "--output", "x"}, launch.ExitUsage, []string{"--input and --output are the same file x"}},
		{"output and report are two files", good, []string{"--output", "x", "--json", "x"}, launch.ExitUsage, []string{"--output and --json are the same file x"}},
		{"a prompt has tokens", "", []string{"--prompt", ""}, launch.ExitFailed, []string{"prompt of 0 tokens"}},
		{"a prompt is UTF-8", "", []string{"--prompt", "a\xff"}, launch.ExitFailed, []string{"UTF-8", "0xff", "offset 1 of 2"}},
		{"a token to begin with is known", "", []string{"--add-bos"}, launch.ExitFailed, []string{"tokenizer_config.json", "bos_token"}},
		{"the input is there", good, []string{"--input", "/missing"}, launch.ExitFailed, []string{"/missing", "no such file"}},
		{"the folder of the output is there", good, []string{"--output", "/missing/x"}, launch.ExitFailed, []string{"/missing/x", "no such file"}},
		{"the output is no folder", good, []string{"--output", os.TempDir()}, launch.ExitFailed, []string{os.TempDir(), "directory"}},
		{"the output fits its device", good, []string{"--output", "/dev/full", "--max-tokens", "1"}, launch.ExitFailed, []string{"/dev/full", "no space left"}},
		{"there is a request", "\n\n", nil, launch.ExitFailed, []string{"in.jsonl", "no request in 2 bytes"}},
		{"a line is JSON", good + "\n" + `{"prompt": "x"`, nil, launch.ExitFailed, []string{"in.jsonl", "line 3", "not JSON", "byte 14"}},
		{"fields are known", `{"prompt": "x", "temp": 1}`, nil, launch.ExitFailed, []string{"line 1", `"temp"`}},
		{"fields have their type", good + `{"prompt": ["x"]}`, nil, launch.ExitFailed, []string{"line 2", `"prompt"`, "array", "a text"}},
		{"numbers of a line are sound", good + `{"prompt": "x", "top_p": 2}`, nil, launch.ExitFailed, []string{"line 2", "top_p 2"}},
		{"ids are unique", `{"prompt": "x", "id": 1}` + "\n" + good, nil, launch.ExitFailed, []string{"lines 1 and 2", "same id 1"}},
		{"a prompt of a line has tokens", good + `{"prompt": ""}`, nil, launch.ExitFailed, []string{"line 2", "prompt of 0 tokens"}},
		{"a list of tokens has one", `{"tokens": []}`, nil, launch.ExitFailed, []string{"line 1", "prompt of 0 tokens"}},
		{"a prompt fits the model", long, nil, launch.ExitFailed, []string{"line 1", "prompt of 65 tokens", "max_position_embeddings is 64", "config.json"}},
		{"tokens are of the vocabulary", `{"tokens": [1, 4096]}`, nil, launch.ExitFailed, []string{"line 1", "token 1", "id 4096", "vocab_size is 4096"}},
		{"tokens are not negative", `{"tokens": [-1]}`, nil, launch.ExitFailed, []string{"line 1", "token 0", "id -1"}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			args := []string{"generate", "--model", model}
			if c.lines == "" {
				args = append(args, "--prompt", "x")
			} else {
				dir := t.TempDir()
				input := filepath.Join(dir, "in.jsonl")
				writeFile(t, input, []byte(c.lines))
				args = append(args, "--input", input, "--output", filepath.Join(dir, "out.jsonl"))
			}
			for _, ranks := range faultRanks {
				checkFault(t, capmoe(ranks, append(args, c.flags...)...), c.code, c.texts...)
			}
		})
	}
}

// Logits that overflow end all ranks and name the request, whichever rank has it.
func TestGenerateLogitsFault(t *testing.T) {
	m := newModel()
	for i := range smallHidden {
		m.set("lm_head.weight", 7*smallHidden+i, math.MaxFloat32)
	}
	input := filepath.Join(t.TempDir(), "in.jsonl")
	writeFile(t, input, []byte(`{"tokens": [1], "id": "a"}`+"\n"+`{"tokens": [2], "id": "b"}`))
	args := []string{"generate", "--model", m.write(t), "--input", input, "--output", filepath.Join(t.TempDir(), "out.jsonl")}
	for _, ranks := range faultRanks {
		checkFault(t, capmoe(ranks, args...), launch.ExitFailed, `request "`, "token 0: a logit is not finite", "token id 7 of 4096")
	}
}
