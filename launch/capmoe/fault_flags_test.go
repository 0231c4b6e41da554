package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"capmoe/launch"
)

// A fault of the command line ends all ranks with one line and exit code 2, one that
// shows only against the model or the files with exit code 1.
func TestFlagFaults(t *testing.T) {
	model := newModel().write(t)
	eval := []string{"eval", "--model", model, "--text", shippedText, "--max-tokens", "64", "--window", "32"}
	tokens := filepath.Join(t.TempDir(), "tokens.json")
	writeFile(t, tokens, []byte(`{"sequences": [[1, 2, 3]]}`))
	logits := []string{"logits", "--model", model, "--tokens", tokens, "--out", filepath.Join(t.TempDir(), "out")}
	for _, c := range []struct {
		rule    string
		command []string
		flags   []string
		code    int
		texts   []string
	}{
		{"γ is not 0", eval, []string{"--gamma", "0"}, launch.ExitUsage, []string{"expert capacity factor 0"}},
		{"γ is not negative", eval, []string{"--gamma", "-1"}, launch.ExitUsage, []string{"expert capacity factor -1"}},
		{"γ is a number", eval, []string{"--gamma", "NaN"}, launch.ExitUsage, []string{"expert capacity factor NaN"}},
		{"γ is finite", eval, []string{"--gamma", "Inf"}, launch.ExitUsage, []string{"expert capacity factor +Inf"}},
		{"γ is not a word", eval, []string{"--gamma", "much"}, launch.ExitUsage, []string{`"much"`, "gamma"}},
		{"γ is not absurd", eval, []string{"--gamma", "1e300"}, launch.ExitUsage, []string{"expert capacity factor 1e+300", "at most 2147483647"}},
		{"empty rows have their number", eval, []string{"--baseline", "megatron-pad", "--gamma", "1e9"}, launch.ExitFailed, []string{"layer 0", "empty ones too", "at most 2147483647"}},
		{"γ of a rank is not 0", eval, []string{"--moe-expert-rank-capacity-factor", "0"}, launch.ExitUsage, []string{"rank capacity factor 0"}},
		{"the least capacity is not absurd", eval, []string{"--gamma", "1", "--min-capacity", "16777217"}, launch.ExitUsage, []string{"min capacity 16777217", "0 to 16777216"}},
		{"a capped policy needs γ", eval, []string{"--policy", "drop"}, launch.ExitUsage, []string{"policy drop"}},
		{"the policy is known", eval, []string{"--policy", "best"}, launch.ExitUsage, []string{`policy "best"`, "dropless", "reroute"}},
		{"the order is known", eval, []string{"--moe-token-drop-policy", "alphabetical"}, launch.ExitUsage, []string{`token drop policy "alphabetical"`, "probs", "position"}},
		{"the scope is known", eval, []string{"--capacity-scope", "galactic"}, launch.ExitUsage, []string{`"galactic"`, "global", "local"}},
		{"the dtype is known", eval, []string{"--dtype", "f7"}, launch.ExitUsage, []string{`dtype "f7"`, "f32"}},
		{"the rule of weights is known", eval, []string{"--renormalize", "often"}, launch.ExitUsage, []string{`"often"`}},
		{"rounds are not negative", eval, []string{"--reroute-rounds", "-1"}, launch.ExitUsage, []string{"reroute rounds -1"}},
		{"the floor is at most 1", eval, []string{"--reroute-floor", "1.5"}, launch.ExitUsage, []string{"reroute floor 1.5", "0 to 1"}},
		{"listed experts are numbers", eval, []string{"--expanded-experts", "1,x"}, launch.ExitUsage, []string{`"1,x"`}},
		{"listed experts differ", eval, []string{"--policy", "expanded", "--gamma", "1", "--expanded-experts", "1,0,1"}, launch.ExitUsage, []string{"expanded expert 1", "twice"}},
		{"listed experts are the model's", eval, []string{"--policy", "expanded", "--gamma", "1", "--expanded-experts", "1,99"}, launch.ExitFailed, []string{"expert 99", "0 to 3"}},
		{"a window predicts something", eval, []string{"--window", "1"}, launch.ExitUsage, []string{"window of 1 tokens", "2 or more"}},
		{"a window fits the model", eval, []string{"--window", "65"}, launch.ExitFailed, []string{"window of 65 tokens", "max_position_embeddings", "64", "config.json"}},
		{"a window is not absurd", eval, []string{"--window", "9223372036854775807"}, launch.ExitFailed, []string{"window of 9223372036854775807 tokens", "max_position_embeddings"}},
		{"a batch has windows", eval, []string{"--batch", "0"}, launch.ExitUsage, []string{"batch of 0 windows"}},
		{"faults are told together", eval, []string{"--batch", "-3", "--window", "-2"}, launch.ExitUsage, []string{"batch of -3", "window of -2"}},
		{"the last number fits", eval, []string{"--window", "9223372036854775808"}, launch.ExitUsage, []string{"window", "9223372036854775808"}},
		{"chunks are a number", eval, []string{"--a2a-ffn-overlap-degree", "0"}, launch.ExitUsage, []string{"--a2a-ffn-overlap-degree", "0", "auto", "1 or more"}},
		{"padded rows have one wire", eval, []string{"--gamma", "1", "--capacity-scope", "local", "--moe-pad-expert-input-to-capacity", "--moe-token-dispatcher-type", "allgather"}, launch.ExitUsage, []string{"--moe-pad-expert-input-to-capacity", "alltoall", "--moe-token-dispatcher-type allgather"}},
		{"two tokens are needed", eval, []string{"--max-tokens", "1"}, launch.ExitUsage, []string{"max tokens 1", "2 or more"}},
		{"a deadline lies ahead", eval, []string{"--deadline", "0"}, launch.ExitUsage, []string{"--deadline 0s"}},
		{"a deadline is a time", eval, []string{"--deadline", "soon"}, launch.ExitUsage, []string{"deadline", `"soon"`}},
		{"flags are known", eval, []string{"--perplexity"}, launch.ExitUsage, []string{"eval", "-perplexity"}},
		{"there are no arguments", eval, []string{"more"}, launch.ExitUsage, []string{`unexpected argument "more"`}},
		{"commands are known", []string{"evaluate"}, nil, launch.ExitUsage, []string{`unknown command "evaluate"`}},
		{"flags of no command are known", []string{"--gamma"}, nil, launch.ExitUsage, []string{"-gamma"}},
		{"eval needs a model", []string{"eval", "--text", shippedText}, nil, launch.ExitUsage, []string{"--model"}},
		{"eval needs something to evaluate", []string{"eval", "--model", model}, nil, launch.ExitUsage, []string{"--text", "--tasks"}},
		{"eval evaluates one thing", eval, []string{"--tasks", shippedText}, launch.ExitUsage, []string{"one of", "--text", "--tasks"}},
		{"logits needs three files", []string{"logits"}, nil, launch.ExitUsage, []string{"--model", "--tokens", "--out"}},
		{"a batch of sequences is not negative", logits, []string{"--batch", "-1"}, launch.ExitUsage, []string{"batch of -1"}},
		{"outputs are two files", logits, []string{"--json", logits[len(logits)-1]}, launch.ExitUsage, []string{"--json", "--out"}},
		{"the folder of --json is there", eval, []string{"--json", "/missing/x.json"}, launch.ExitFailed, []string{"--json /missing/x.json", "no such file"}},
		{"--json is no folder", eval, []string{"--json", os.TempDir()}, launch.ExitFailed, []string{"--json " + os.TempDir(), "directory"}},
		{"--json fits its device", eval, []string{"--json", "/dev/full"}, launch.ExitFailed, []string{"--json /dev/full", "no space left"}},
		{"the folder of --out is there", logits, []string{"--out", "/missing/x"}, launch.ExitFailed, []string{"/missing/x", "no such file"}},
		{"--out is no folder", logits, []string{"--out", os.TempDir()}, launch.ExitFailed, []string{os.TempDir(), "directory"}},
		{"--out fits its device", logits, []string{"--out", "/dev/full"}, launch.ExitFailed, []string{"/dev/full", "no space left"}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			args := append(append([]string{}, c.command...), c.flags...)
			for _, ranks := range faultRanks {
				checkFault(t, capmoe(ranks, args...), c.code, c.texts...)
			}
		})
	}
}

// A result that standard output does not take is not a success.
func TestFullStandardOutput(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skipf("no device that is always full: %v", err)
	}
	defer full.Close()
	for _, args := range [][]string{{"--help"}, {"doctor"}, {"doctor", "--json", "-"}} {
		cmd := exec.Command(filepath.Join(programs, "capmoe"), args...)
		cmd.Stdout = full
		var stderr strings.Builder
		cmd.Stderr = &stderr
		cmd.Run()
		if code := cmd.ProcessState.ExitCode(); code != launch.ExitFailed || len(linesOf(stderr.String())) != 1 {
			t.Errorf("%v: exit code %d, want %d and one line:\n%s", args, code, launch.ExitFailed, abridged(stderr.String()))
		}
		checkContains(t, stderr.String(), "no space left")
	}
}

// Every rank owns an expert.
func TestMoreRanksThanExperts(t *testing.T) {
	args := []string{"eval", "--model", newModel().write(t), "--text", shippedText}
	checkFault(t, capmoe(smallExperts+1, args...), launch.ExitFailed, "5 ranks", "4 experts", "config.json")
}
