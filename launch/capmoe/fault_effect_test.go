package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"capmoe/launch"
)

// A flag that changes nothing is noted, and is no fault.
func TestIdleFlags(t *testing.T) {
	model := newModel().write(t)
	eval := []string{"eval", "--model", model, "--text", shippedText, "--max-tokens", "64"}
	generate := []string{"generate", "--model", model, "--prompt", "a"}
	plan := []string{"plan", "--scores", "s.safetensors", "--topk", "2"}
	replay := []string{"trace", "replay", "--synthetic", "uniform"}
	for _, c := range []struct {
		rule    string
		command []string
		flags   []string
		texts   []string
	}{
		{"dropless has no γ", eval, []string{"--policy", "dropless", "--gamma", "1"}, []string{"eval: --moe-expert-capacity-factor", "policy dropless"}},
		{"dropless has no γ of a rank", eval, []string{"--policy", "dropless", "--moe-expert-rank-capacity-factor", "1"}, []string{"--moe-expert-rank-capacity-factor", "policy dropless"}},
		{"dropless has no γ of a node", eval, []string{"--policy", "dropless", "--moe-expert-node-capacity-factor", "1"}, []string{"--moe-expert-node-capacity-factor", "policy dropless"}},
		{"dropless has no scope", eval, []string{"--capacity-scope", "local"}, []string{"--capacity-scope", "policy dropless"}},
		{"dropless drops nobody", eval, []string{"--moe-token-drop-policy", "last"}, []string{"--moe-token-drop-policy", "policy dropless"}},
		{"dropless has no capacity", eval, []string{"--min-capacity", "4"}, []string{"--min-capacity 4", "--moe-expert-capacity-factor"}},
		{"drop has no rounds", eval, []string{"--gamma", "1", "--reroute-rounds", "2"}, []string{"--reroute-rounds", "policy drop"}},
		{"drop has no floor", eval, []string{"--gamma", "1", "--reroute-floor", "0.5"}, []string{"--reroute-floor", "policy drop"}},
		{"reroute offers no extra experts", eval, []string{"--policy", "reroute", "--gamma", "1", "--expanded-experts", "all"}, []string{"--expanded-experts", "policy reroute"}},
		{"scores have no seed", eval, []string{"--gamma", "1", "--seed", "3"}, []string{"eval: --seed", "nothing is drawn"}},
		{"nor has a random order that drops nobody", plan, []string{"--moe-token-drop-policy", "random", "--policy", "dropless", "--seed", "3"}, []string{"--moe-token-drop-policy", "policy dropless"}},
		{"a plan has no seed", plan, []string{"--seed", "3"}, []string{"plan: --seed", "nothing is drawn"}},
		{"greedy has no seed", generate, []string{"--seed", "3"}, []string{"generate: --seed", "nothing is drawn"}},
		{"a baseline has its own policy", eval, []string{"--baseline", "deepspeed", "--gamma", "1", "--reroute-rounds", "2"}, []string{"--baseline deepspeed", "--reroute-rounds"}},
		{"a baseline has its own weights", eval, []string{"--baseline", "tutel", "--gamma", "1", "--moe-router-weights", "raw"}, []string{"--baseline tutel", "--moe-router-weights"}},
		{"a dropless baseline has no γ", eval, []string{"--baseline", "megatron-alltoall", "--gamma", "1"}, []string{"--moe-expert-capacity-factor", "baseline megatron-alltoall"}},
		{"EPLB has no γ", eval, []string{"--enable-eplb", "--gamma", "1"}, []string{"--moe-expert-capacity-factor", "baseline eplb"}},
		{"parcels have no chunks", eval, []string{"--moe-token-dispatcher-type", "hierarchical", "--a2a-ffn-overlap-degree", "2"}, []string{"--a2a-ffn-overlap-degree", "hierarchical"}},
		{"all-gather has no chunks", eval, []string{"--moe-token-dispatcher-type", "allgather", "--a2a-ffn-overlap-degree", "2"}, []string{"--a2a-ffn-overlap-degree", "allgather"}},
		{"a baseline's all-gather has no chunks", eval, []string{"--baseline", "megatron-allgather", "--a2a-ffn-overlap-degree", "2"}, []string{"--a2a-ffn-overlap-degree", "megatron-allgather"}},
		{"a plan has no wire", plan, []string{"--moe-token-dispatcher-type", "allgather"}, []string{"plan: --moe-token-dispatcher-type", "no row moves"}},
		{"a plan has no empty rows", plan, []string{"--gamma", "1", "--capacity-scope", "local", "--moe-pad-expert-input-to-capacity"}, []string{"--moe-pad-expert-input-to-capacity", "no row moves"}},
		{"a plan has no chunks", replay, []string{"--a2a-ffn-overlap-degree", "2", "--steps", "1"}, []string{"--a2a-ffn-overlap-degree", "no row moves"}},
		{"tasks have no windows", []string{"eval", "--model", model, "--tasks", "x.jsonl"}, []string{"--window", "8"}, []string{"--window", "--tasks"}},
		{"greedy draws nothing", generate, []string{"--top-k", "5"}, []string{"--top-k", "--temperature 0"}},
		{"one prompt has no file", generate, []string{"--overwrite"}, []string{"--overwrite", "--prompt"}},
		{"a capacity in decode is one", generate, []string{"--capacity-in-decode"}, []string{"--capacity-in-decode", "without a capacity"}},
		{"scores are as they are", plan, []string{"--moe-router-score-function", "sigmoid"}, []string{"--moe-router-score-function", "--input scores"}},
		{"sigmoids have no order", plan, []string{"--input", "logits", "--moe-router-score-function", "sigmoid", "--moe-router-pre-softmax"}, []string{"--moe-router-pre-softmax", "sigmoid"}},
		{"score has no rounds", plan, []string{"--strategy", "score", "--expert_capacity", "1", "--rounds", "2"}, []string{"--reroute-rounds", "policy drop"}},
		{"a recording has its layers", []string{"trace", "replay", "--trace", "x.routing"}, []string{"--layers", "2"}, []string{"--layers", "--trace"}},
		{"made routing has no sets", replay, []string{"--set", "x"}, []string{"--set", "--synthetic"}},
		{"a dry run has no numbers", []string{"study", "run", "--dry-run", "--workloads", "synthetic:uniform", "--ranks", "1"}, []string{"--json", "x.json"}, []string{"--json", "--dry-run"}},
		{"doctor fits a model", []string{"doctor"}, []string{"--ranks", "3"}, []string{"--ranks", "--model"}},
		{"ids have no special tokens to add", []string{"tokenize", "--tokenizer", "x.json"}, []string{"--decode", "--add-special-tokens"}, []string{"--add-special-tokens", "--decode"}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			got := capmoe(alone, append(append([]string{}, c.command...), c.flags...)...).run(t)
			first, _, _ := strings.Cut(got.stderr, "\n")
			if got.code == launch.ExitUsage || !strings.HasPrefix(first, "capmoe: note: ") {
				t.Errorf("exit code %d, standard error %q, want a note and no fault of usage", got.code, got.stderr)
			}
			for _, text := range append(c.texts, "no effect") {
				if !strings.Contains(first, text) {
					t.Errorf("%q is not in the note %q", text, first)
				}
			}
		})
	}
}

// Two names for one thing contradict each other.
func TestOneName(t *testing.T) {
	plan := []string{"plan", "--scores", "s.safetensors", "--topk", "2"}
	for _, c := range []struct {
		rule  string
		flags []string
		text  string
	}{
		{"of the policy", []string{"--strategy", "score", "--policy", "drop", "--gamma", "1"}, "--strategy and --policy"},
		{"of γ", []string{"--expert_capacity", "1", "--gamma", "1"}, "--expert_capacity and --moe-expert-capacity-factor"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			checkFault(t, capmoe(alone, append(plan[:len(plan):len(plan)], c.flags...)...), launch.ExitUsage, c.text)
		})
	}
}

// Saying what holds anyway is no fault.
func TestFlagsThatSayWhatHolds(t *testing.T) {
	for _, flags := range [][]string{
		{"--policy", "dropless", "--capacity-scope", "global", "--moe-token-drop-policy", "probs", "--min-capacity", "1"},
		{"--moe-token-dispatcher-type", "alltoall"},
		{"--gamma", "1", "--reroute-rounds", "0", "--reroute-floor", "0", "--expanded-experts", "own"},
		{"--seed", "3"}, // of made routing
	} {
		capmoe(alone, append([]string{"trace", "replay", "--synthetic", "uniform", "--steps", "1", "--step-tokens", "64"}, flags...)...).output(t)
	}
}

// What is read is not written over.
func TestFilesAreDistinct(t *testing.T) {
	dir := t.TempDir()
	tokens := filepath.Join(dir, "tokens.json")
	writeFile(t, tokens, []byte(`{"sequences": [[1, 2, 3]]}`))
	model := newModel().write(t)
	again := dir + "/./tokens.json"
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	elsewhere, err := filepath.Rel(here, tokens)
	if err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		rule  string
		args  []string
		texts []string
		named string // the file, as the fault names it
	}{
		{"logits keep their tokens", []string{"logits", "--model", model, "--tokens", tokens, "--out", again}, []string{"--tokens and --out"}, tokens},
		{"plan keeps its scores", []string{"plan", "--scores", tokens, "--topk", "1", "--out", again}, []string{"--scores and --out"}, tokens},
		{"eval keeps its text", []string{"eval", "--model", model, "--text", tokens, "--json", again}, []string{"--text and --json"}, tokens},
		{"replay keeps its trace", []string{"trace", "replay", "--trace", tokens, "--timeline", again}, []string{"--trace and --timeline"}, tokens},
		{"show keeps its file", []string{"trace", "show", tokens, "--json", again}, []string{"FILE and --json"}, tokens},
		{"convert writes another file", []string{"trace", "convert", tokens, again}, []string{"IN and OUT"}, tokens},
		{"a path from here and one from the root lead to one file", []string{"logits", "--model", model, "--tokens", tokens, "--out", elsewhere}, []string{"--tokens and --out"}, elsewhere},
		{"a path through a link leads to the same file", []string{"eval", "--model", model, "--text", link + "/tokens.json", "--json", tokens}, []string{"--text and --json"}, tokens},
		{"files that are not there yet are one too", []string{"logits", "--model", model, "--tokens", tokens, "--out", dir + "/new", "--json", link + "/new"}, []string{"--out and --json"}, link + "/new"},
		{"a study keeps its file", []string{"study", "run", tokens, "--out", dir, "--json", again}, []string{"STUDY.yaml and --json"}, tokens},
	} {
		t.Run(c.rule, func(t *testing.T) {
			checkFault(t, capmoe(alone, c.args...), launch.ExitUsage, append(c.texts, c.named)...)
		})
	}
	checkClean(t, dir, "tokens.json")
}

// A model is not written over by what is made with it.
func TestModelFilesStay(t *testing.T) {
	dir := t.TempDir()
	tokens, input := filepath.Join(dir, "tokens.json"), filepath.Join(dir, "in.jsonl")
	writeFile(t, tokens, []byte(`{"sequences": [[1, 2, 3]]}`))
	writeFile(t, input, []byte(`{"prompt": "x"}`))
	model := newModel().write(t)
	for _, c := range []struct {
		rule string
		args []string
		file string
	}{
		{"logits spare the weights", []string{"logits", "--tokens", tokens, "--out"}, "model.safetensors"},
		{"eval spares the configuration", []string{"eval", "--text", shippedText, "--json"}, "config.json"},
		{"results spare the tokenizer", []string{"generate", "--input", input, "--overwrite", "--output"}, "tokenizer.json"},
		{"a recording spares the weights", []string{"trace", "record", "--text", shippedText, "--out"}, "model.safetensors"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			path := filepath.Join(model, c.file)
			checkFault(t, capmoe(alone, append(c.args, path, "--model", model+"/.")...), launch.ExitUsage, path, "--model", "not written over")
		})
	}
	out := filepath.Join(model, "logits.of")
	capmoe(alone, "logits", "--model", model, "--tokens", tokens, "--out", out).output(t)
}

// - is standard output for --json; no other file or folder is written there, nor one of that name.
func TestOutputsArePaths(t *testing.T) {
	tokens, input := tokensFile(t, [][]int32{{1, 2, 3}}), filepath.Join(t.TempDir(), "in.jsonl")
	writeFile(t, input, []byte(`{"prompt": "x"}`))
	replay := []string{"trace", "replay", "--synthetic", "uniform", "--steps", "1"}
	for _, c := range []struct {
		name string
		args []string
	}{
		{"--out", []string{"logits", "--model", shippedModel, "--tokens", tokens, "--out", "-"}},
		{"--out", []string{"logits", "--model", shippedModel, "--tokens", tokens, "--out", "-", "--json", "-"}},
		{"--output", []string{"generate", "--model", shippedModel, "--input", input, "--output", "-"}},
		{"--out", []string{"plan", "--scores", tokens, "--topk", "1", "--out", "-"}},
		{"--out", []string{"trace", "record", "--model", shippedModel, "--text", shippedText, "--out=-"}},
		{"OUT", []string{"trace", "convert", tokens, "-"}},
		{"--timeline", []string{"eval", "--model", shippedModel, "--text", shippedText, "--timeline", "-"}},
		{"--timeline", append(replay, "--timeline", "-")},
		{"--out", []string{"study", "run", "--out", "-"}},
		{"--out", []string{"report", t.TempDir(), "--out", "-"}},
	} {
		t.Run(strings.Join(c.args[:2], " "), func(t *testing.T) {
			t.Parallel()
			checkFault(t, capmoe(alone, c.args...), launch.ExitUsage, c.name+" -: want a path", "--json")
		})
	}
}

// A file without a name, as of a variable that is not set, is neither left out nor looked for elsewhere.
func TestFilesHaveNames(t *testing.T) {
	eval := []string{"eval", "--model", shippedModel, "--text", shippedText, "--max-tokens", "64", "--window", "32"}
	replay := []string{"trace", "replay", "--synthetic", "uniform", "--steps", "1"}
	for _, c := range []struct {
		flag string
		args []string
	}{
		{"--json", eval},
		{"--timeline", eval},
		{"--eplb-loads", append(eval[:len(eval):len(eval)], "--enable-eplb")},
		{"--timeline", replay},
		{"--out", []string{"plan", "--scores", "s.safetensors", "--topk", "1"}},
		{"--out", []string{"report", t.TempDir()}},
		{"--hostfile", []string{"launch", "-n", "1"}},
		{"--hostfile", []string{"study", "run", "--out", filepath.Join(t.TempDir(), "study"), "--dry-run"}},
	} {
		t.Run(strings.Join(c.args[:2], " ")+" "+c.flag, func(t *testing.T) {
			t.Parallel()
			checkFault(t, capmoe(alone, append(c.args[:len(c.args):len(c.args)], c.flag, "")...), launch.ExitUsage, c.flag+` "": want a path`)
		})
	}
}
