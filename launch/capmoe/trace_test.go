package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"capmoe/launch"
	"capmoe/runtime"
	"capmoe/runtime/trace"
)

// recordShipped records a part of the shipped text and returns the file.
func recordShipped(t *testing.T, ranks int, flags ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "t.routing")
	args := append([]string{"trace", "record", "--model", shippedModel, "--text", shippedText, "--max-tokens", "1024", "--batch", "2", "--out", path}, flags...)
	checkContains(t, capmoe(ranks, args...).output(t), path)
	checkClean(t, filepath.Dir(path), "t.routing")
	return path
}

// replay runs trace replay with --json - and reads its numbers.
func replay(t *testing.T, ranks int, flags ...string) runtime.ReplayReport {
	t.Helper()
	return parse[runtime.ReplayReport](t, capmoe(ranks, append([]string{"trace", "replay", "--json", "-"}, flags...)...).output(t))
}

func TestTraceRecordSameBytesOnAnyRanks(t *testing.T) {
	var want []byte
	for _, ranks := range []int{alone, 1, 2, 3, 4, 8} {
		got, err := os.ReadFile(recordShipped(t, ranks))
		if err != nil {
			t.Fatal(err)
		}
		if want == nil {
			want = got
		}
		if !bytes.Equal(got, want) {
			t.Errorf("on %d ranks: another file", ranks)
		}
	}
}

// Whatever the number of ranks, a recording and made routing have the same plan in scope
// global.
func TestTraceReplaySamePlanOnAnyRanks(t *testing.T) {
	path := recordShipped(t, 2)
	for _, flags := range [][]string{
		{"--trace", path, "--gamma", "1"},
		{"--trace", path, "--policy", "reroute", "--gamma", "1", "--step-tokens", "300"},
		{"--synthetic", "zipf:1.2", "--policy", "reroute", "--gamma", "1.25", "--experts", "16", "--topk", "2", "--layers", "2", "--step-tokens", "200"},
		{"--synthetic", "ragged", "--gamma", "1"},
	} {
		t.Run(fmt.Sprint(flags[0], flags[1][max(0, len(flags[1])-8):], len(flags)), func(t *testing.T) {
			t.Parallel()
			want := replay(t, alone, flags...)
			if want.PlanHash == "" || want.Kept == 0 || want.Steps == 0 {
				t.Fatalf("plan %q, %d pairs, %d steps", want.PlanHash, want.Kept, want.Steps)
			}
			for _, ranks := range []int{1, 2, 3, 4, 8} {
				if got := replay(t, ranks, flags...); got.PlanHash != want.PlanHash || got.Counts != want.Counts || got.Ranks != ranks {
					t.Errorf("on %d ranks: plan %s, %+v; alone %s, %+v", ranks, got.PlanHash, got.Counts, want.PlanHash, want.Counts)
				}
			}
		})
	}
}

// With a shape rows move, and phases take time; the plan is that of planning alone.
func TestTraceReplayOfAShape(t *testing.T) {
	flags := []string{"--synthetic", "hot-expert", "--experts", "4", "--topk", "2", "--step-tokens", "16", "--steps", "1", "--gamma", "1"}
	plans := replay(t, 2, flags...)
	timeline := filepath.Join(t.TempDir(), "timeline.json")
	shape := replay(t, 2, append(flags, "--shape", "qwen2-moe", "--dtype", "bf16", "--timeline", timeline)...)
	if shape.PlanHash != plans.PlanHash || shape.Shape != "qwen2-moe" || shape.DType != "bf16" || shape.Seconds["expert"] <= 0 || shape.Bytes == (runtime.Traffic{}) {
		t.Errorf("plan %s, of planning alone %s; shape %q, %q; seconds %v, bytes %+v", shape.PlanHash, plans.PlanHash, shape.Shape, shape.DType, shape.Seconds, shape.Bytes)
	}
	if plans.Seconds["expert"] != 0 || plans.Seconds["plan"] <= 0 || plans.Bytes != (runtime.Traffic{}) {
		t.Errorf("planning alone: seconds %v, bytes %+v", plans.Seconds, plans.Bytes)
	}
	var events struct {
		TraceEvents []map[string]any `json:"traceEvents"`
	}
	if readJSON(t, timeline, &events); len(events.TraceEvents) < 2*6 {
		t.Errorf("%d events", len(events.TraceEvents))
	}
}

func TestTraceTables(t *testing.T) {
	path := recordShipped(t, 2, "--top", "6")
	out := capmoe(alone, "trace", "show", "--ranks", "4", "--gamma", "1,2", path).output(t)
	for _, text := range []string{"1024 tokens; 4 layers, 32 experts, top 4, scores of the best 6", "valid.txt, windows of 256 tokens, 2 a step", "4 requests", "on 4 ranks in 2 steps", "over γ 2"} {
		checkContains(t, out, text)
	}
	s := parse[trace.Summary](t, capmoe(alone, "trace", "show", "--json", "-", path).output(t))
	if s.Tokens != 1024 || len(s.Layer) != 4 || sum(s.Layer[3].Load) != 4096 || len(s.Over) != 4 || s.RankImbalance < 1 {
		t.Errorf("summary of %d tokens, %d layers", s.Tokens, len(s.Layer))
	}
	out = capmoe(2, "trace", "replay", "--trace", path, "--gamma", "1.5").output(t)
	for _, text := range []string{"1024 tokens, steps of 512, 4 layers; plans only", "plan hash ", "drop by probs, γ 1.5", "valid.txt"} {
		checkContains(t, out, text)
	}
}

// A recording converted and converted back has the same plans.
func TestTraceConvertKeepsPlans(t *testing.T) {
	dir := t.TempDir()
	path, other, back := recordShipped(t, 2), filepath.Join(dir, "a.safetensors"), filepath.Join(dir, "b.routing")
	capmoe(alone, "trace", "convert", path, other).output(t)
	capmoe(alone, "trace", "convert", other, back).output(t)
	flags := []string{"--policy", "reroute", "--gamma", "1", "--step-tokens", "512"}
	want := replay(t, 2, append(flags, "--trace", path)...)
	for _, p := range []string{other, back} {
		if got := replay(t, 2, append(flags, "--trace", p)...); got.PlanHash != want.PlanHash {
			t.Errorf("%s: plan %s, before %s", p, got.PlanHash, want.PlanHash)
		}
	}
	counts := filepath.Join(dir, "c.json")
	writeFile(t, counts, []byte(`{"logical_count": [[30, 10, 20, 20]]}`))
	checkContains(t, capmoe(alone, "trace", "show", counts).output(t), "counts; 1 layers, 4 experts; give --topk, the file does not say how many of them a token chooses")
	checkContains(t, capmoe(alone, "trace", "show", counts, "--topk", "2").output(t), "counts of 40 tokens; 1 layers, 4 experts, top 2")
	drawn := capmoe(2, "trace", "replay", "--trace", counts, "--topk", "2").output(t)
	checkContains(t, drawn, "tokens drawn with the loads of "+counts)
}

func TestTraceFaults(t *testing.T) {
	path := recordShipped(t, 2, "--top", "4")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	short, counts := filepath.Join(dir, "short.routing"), filepath.Join(dir, "counts.json")
	writeFile(t, short, data[:len(data)-1000])
	writeFile(t, counts, []byte(`{"logical_count": [[3, 1]]}`))
	record := []string{"trace", "record", "--model", shippedModel, "--text", shippedText, "--out", filepath.Join(dir, "out.routing")}
	synthetic := []string{"trace", "replay", "--synthetic", "uniform"}
	for _, c := range []struct {
		rule  string
		args  []string
		code  int
		texts []string
	}{
		{"a trace cut short is named", []string{"trace", "replay", "--trace", short}, launch.ExitFailed, []string{short, "layer 3, step 1", "cut short"}},
		{"reroute needs scores", []string{"trace", "replay", "--trace", path, "--policy", "reroute", "--gamma", "1"}, launch.ExitFailed, []string{"scores of 4 of 32 experts", "reroute"}},
		{"a trace is there", []string{"trace", "replay", "--trace", "/missing.routing"}, launch.ExitFailed, []string{"/missing.routing", "no such file"}},
		{"K is known", []string{"trace", "replay", "--trace", counts}, launch.ExitFailed, []string{counts, "top k"}},
		{"one source", []string{"trace", "replay"}, launch.ExitUsage, []string{"--trace", "--synthetic"}},
		{"kinds are known", []string{"trace", "replay", "--synthetic", "level"}, launch.ExitUsage, []string{`"level"`, "balanced"}},
		{"balanced divides", []string{"trace", "replay", "--synthetic", "balanced", "--step-tokens", "100", "--experts", "32", "--topk", "4"}, launch.ExitUsage, []string{"400", "32 experts"}},
		{"steps have tokens", append(synthetic, "--step-tokens", "0"), launch.ExitUsage, []string{"--step-tokens 0"}},
		{"there are steps", append(synthetic, "--steps", "0"), launch.ExitUsage, []string{"--steps 0"}},
		{"shapes are known", append(synthetic, "--shape", "round"), launch.ExitUsage, []string{`"round"`, "olmoe"}},
		{"plans have no dtype", append(synthetic, "--dtype", "bf16"), launch.ExitUsage, []string{"--dtype", "--shape"}},
		{"the policy is sound", append(synthetic, "--policy", "drop"), launch.ExitUsage, []string{"policy drop"}},
		{"a timeline has a folder", append(synthetic, "--timeline", "/missing/t.json"), launch.ExitFailed, []string{"/missing/t.json"}},
		{"M is a number", append(record, "--top", "most"), launch.ExitUsage, []string{`--top "most"`}},
		{"M is at least K", append(record, "--top", "3"), launch.ExitFailed, []string{"out.routing", "3 experts", "top k 4"}},
		{"record needs a file", record[:len(record)-2], launch.ExitUsage, []string{"--out"}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			for _, ranks := range faultRanks {
				checkFault(t, capmoe(ranks, c.args...), c.code, c.texts...)
			}
		})
	}
	for _, c := range []struct {
		rule  string
		args  []string
		code  int
		texts []string
	}{
		{"show shows a file", []string{"trace", "show"}, launch.ExitUsage, []string{"0 arguments, want 1: FILE"}},
		{"flags after the file are read", []string{"trace", "show", path, "--ranks", "0"}, launch.ExitUsage, []string{"--ranks 0"}},
		{"ranks are one or more", []string{"trace", "show", "--ranks", "0", path}, launch.ExitUsage, []string{"--ranks 0"}},
		{"a trace cut short is not shown", []string{"trace", "show", short}, launch.ExitFailed, []string{short, "layer 3, step 1", "byte"}},
		{"formats are known", []string{"trace", "convert", path, "out.csv"}, launch.ExitUsage, []string{"out.csv", ".routing"}},
		{"a trace cut short is not converted", []string{"trace", "convert", short, filepath.Join(dir, "x.routing")}, launch.ExitFailed, []string{short, "cut short"}},
		{"counts have no tokens", []string{"trace", "convert", counts, filepath.Join(dir, "x.safetensors")}, launch.ExitFailed, []string{counts, "counts"}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			checkFault(t, capmoe(alone, c.args...), c.code, c.texts...)
		})
	}
	t.Run("show is for one rank", func(t *testing.T) {
		t.Parallel()
		checkFault(t, capmoe(2, "trace", "show", path), launch.ExitUsage, "trace show", "one rank", "2")
	})
}

// No failed command has left a file.
func TestTraceFaultsLeaveNothing(t *testing.T) {
	dir := t.TempDir()
	out := filepath.Join(dir, "out.routing")
	capmoe(2, "trace", "record", "--model", shippedModel, "--text", "/missing", "--out", out).run(t)
	capmoe(alone, "trace", "convert", "/missing", out).run(t)
	capmoe(2, "trace", "replay", "--trace", "/missing", "--json", filepath.Join(dir, "a.json"), "--timeline", filepath.Join(dir, "t.json")).run(t)
	checkClean(t, dir)
}
