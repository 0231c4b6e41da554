package report

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"capmoe/runtime/study"
)

// rowOf is a line of rows.jsonl. Edits change its cell, its row and its result.
func rowOf(t testing.TB, edits ...func(c *study.Cell, row, result map[string]any)) string {
	t.Helper()
	gamma := 1.0
	c := study.Cell{ID: "drop-p2", Scaling: "strong", Ranks: 2, System: "drop", Policy: "drop", Gamma: &gamma, Model: "m", Workload: "text:t", DType: "f32", Tokens: 64}
	row := map[string]any{"repeat": 0, "elapsed_seconds": 1}
	result := map[string]any{
		"ranks": 2, "tokens": 128, "perplexity": 10, "gate_mass_lost": 0.1, "routed": 256, "kept": 230, "capacity_scope": "global",
		"rank_load_max_over_mean_after": 1.1, "expert_load_max_over_mean_before": 2,
		"critical_path_seconds": 2, "moe_layer_seconds": 1, "wall_seconds": 3, "seconds": map[string]any{"expert": 1, "head": 1},
		"layers": []map[string]any{{"layer": 0, "expert_load_before": []int{3, 1}, "expert_load_after": []int{2, 1}}},
	}
	for _, edit := range edits {
		edit(&c, row, result)
	}
	row["cell"] = c
	if _, failed := row["failure"]; !failed {
		row["result"] = result
	}
	line, err := json.Marshal(row)
	if err != nil {
		t.Fatal(err)
	}
	return string(line) + "\n"
}

type edit = func(c *study.Cell, row, result map[string]any)

func TestBadRows(t *testing.T) {
	good := rowOf(t)
	for _, c := range []struct {
		rule, text string
		want       []string
	}{
		{"no bytes are no study", "", []string{"0 bytes and no row"}},
		{"empty lines are no study", "\n\n", []string{"2 bytes and no row"}},
		{"a half line alone is no study", good[:50], []string{"50 bytes and no row"}},
		{"a corrupt line is named", good + "{\"cell\": oops}\n", []string{"line 2", "byte 10 of 14", "invalid character"}},
		{"a half line in the middle is corrupt", good[:40] + "\n" + good, []string{"line 1", "byte 40 of 40"}},
		{"a wrong type is named", "{\"repeat\":\"x\"}\n", []string{"line 1", "of 14", "repeat is string, want int"}},
		{"a line is an object", "[]\n", []string{"line 1", "byte 1 of 2: array, want an object"}},
		{"a wrong type in a result is named", rowOf(t, func(_ *study.Cell, _, r map[string]any) { r["tokens"] = "many" }), []string{"line 1", "cell drop-p2", "tokens is string"}},
		{"a row has a result or a failure", strings.Replace(good, `"result":{`, `"other":{`, 1), []string{"line 1", "neither a result nor a failure"}},
		{"a cell has a name", rowOf(t, func(c *study.Cell, _, _ map[string]any) { c.ID = "" }), []string{"line 1", "cell.id is empty"}},
		{"a cell has a system", rowOf(t, func(c *study.Cell, _, _ map[string]any) { c.System = "" }), []string{"system is empty"}},
		{"ranks are positive", rowOf(t, func(c *study.Cell, _, _ map[string]any) { c.Ranks = 0 }), []string{"ranks 0, want 1 or more"}},
		{"ranks agree", rowOf(t, func(_ *study.Cell, _, r map[string]any) { r["ranks"] = 3 }), []string{"ranks 3, the cell has 2"}},
		{"savings are in reason", rowOf(t, saving("drop γ=1", 1e200)), []string{"attribution.counterfactual[0].saved_seconds 1e+200, want 0 to 1e+100"}},
		{"repeats count from 0", rowOf(t, func(_ *study.Cell, row, _ map[string]any) { row["repeat"] = -1 }), []string{"repeat -1, want 0 or more"}},
		{"scaling is strong or weak", rowOf(t, func(c *study.Cell, _, _ map[string]any) { c.Scaling = "odd" }), []string{`scaling "odd", want strong or weak`}},
		{"γ is positive", rowOf(t, func(c *study.Cell, _, _ map[string]any) { g := -1.0; c.Gamma = &g }), []string{"capacity_factor -1, want more than 0"}},
		{"tokens are positive", rowOf(t, func(_ *study.Cell, _, r map[string]any) { r["tokens"] = 0 }), []string{"tokens 0, want 1 or more"}},
		{"seconds are not negative", rowOf(t, func(_ *study.Cell, _, r map[string]any) { r["moe_layer_seconds"] = -1 }), []string{"moe_layer_seconds -1, want 0 to"}},
		{"phases are not negative", rowOf(t, func(_ *study.Cell, _, r map[string]any) { r["seconds"] = map[string]any{"plan": -2} }), []string{"seconds.plan -2, want 0 to"}},
		{"perplexity is 1 or more", rowOf(t, func(_ *study.Cell, _, r map[string]any) { r["perplexity"] = 0.5 }), []string{"perplexity 0.5, want 1 to"}},
		{"lost mass is a share", rowOf(t, func(_ *study.Cell, _, r map[string]any) { r["gate_mass_lost"] = 1.5 }), []string{"gate_mass_lost 1.5, want 0 to 1"}},
		{"loads before and after have the same experts", rowOf(t, func(_ *study.Cell, _, r map[string]any) {
			r["layers"] = []map[string]any{{"expert_load_before": []int{1, 2}, "expert_load_after": []int{1}}}
		}), []string{"layers[0]", "2 experts", "expert_load_after 1"}},
		{"loads are not negative", rowOf(t, func(_ *study.Cell, _, r map[string]any) {
			r["layers"] = []map[string]any{{"expert_load_before": []int{1}, "expert_load_after": []int{-7}}}
		}), []string{"expert_load_after[0] is -7"}},
		{"one name is one cell", good + rowOf(t, func(c *study.Cell, row, r map[string]any) { c.Ranks, r["ranks"], row["repeat"] = 4, 4, 1 }),
			[]string{"line 2", "cell drop-p2", "4 ranks", "2 ranks", "two studies"}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, study.RowsFile), []byte(c.text), 0o666); err != nil {
				t.Fatal(err)
			}
			_, err := New(dir)
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range append(c.want, "report: ", study.RowsFile) {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not in: %v", want, err)
				}
			}
		})
	}
}

func TestNoFolder(t *testing.T) {
	if _, err := New(filepath.Join(t.TempDir(), "none")); err == nil || !strings.Contains(err.Error(), "none/rows.jsonl: no such file") {
		t.Errorf("error %v, want one that names the file", err)
	}
}

// parsed is what rows become; they must be good.
func parsed(t testing.TB, lines ...string) rows {
	t.Helper()
	r, err := parse([]byte(strings.Join(lines, "")))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestNotes(t *testing.T) {
	repeat := func(n int) edit { return func(_ *study.Cell, row, _ map[string]any) { row["repeat"] = n } }
	failed := func(_ *study.Cell, row, _ map[string]any) { row["failure"] = "rank 1 ended" }
	named := func(id, system string) edit {
		return func(c *study.Cell, _, _ map[string]any) { c.ID, c.System = id, system }
	}
	whole := func(id, system string, seconds float64) edit {
		return func(c *study.Cell, _, r map[string]any) {
			c.ID, c.System, c.Gamma, r["moe_layer_seconds"] = id, system, nil, seconds
		}
	}
	stood := func(host string) edit {
		return func(_ *study.Cell, row, _ map[string]any) { row["environment"] = map[string]any{"host": host} }
	}
	crowded := func(_ *study.Cell, row, _ map[string]any) {
		row["environment"] = map[string]any{"oversubscribed": true}
	}
	for _, c := range []struct {
		rule  string
		lines []string
		want  []string
		not   []string
	}{
		{"a half last line is left out and said", []string{rowOf(t), `{"cell":`}, []string{"cut short (8 bytes"}, nil},
		{"a row once more counts once", []string{rowOf(t), rowOf(t)}, []string{"1 row was run more than once"}, nil},
		{"failures are counted", []string{rowOf(t), rowOf(t, repeat(1), failed)}, []string{"1 of 2 runs failed and takes no part"}, nil},
		{"a repeat after a failure stands", []string{rowOf(t, failed), rowOf(t)}, []string{"more than once"}, []string{"failed and"}},
		{"a failure after a success does not", []string{rowOf(t), rowOf(t, failed)}, []string{"more than once"}, []string{"failed and"}},
		{"a single run has no interval", []string{rowOf(t)}, []string{"1 of 1 cell ran once"}, nil},
		{"two runs have", []string{rowOf(t), rowOf(t, repeat(1))}, nil, []string{"ran once"}},
		{"hosts are not mixed in silence", []string{rowOf(t, stood("a")), rowOf(t, repeat(1), stood("b"))}, []string{"2 values of host (a; b)"}, nil},
		{"oversubscription is said", []string{rowOf(t, crowded)}, []string{"Oversubscribed: on 2 ranks"}, nil},
		{"and only where it is", []string{rowOf(t)}, nil, []string{"Oversubscribed"}},
		{"precision is said", []string{rowOf(t)}, []string{"in f32"}, nil},
		{"planning only is said", []string{rowOf(t, func(c *study.Cell, _, r map[string]any) { c.Model = ""; delete(r, "perplexity") })}, []string{"Planning only"}, nil},
		{"the same work in different time is noise", []string{rowOf(t, whole("d", "dropless", 1)), rowOf(t, whole("m", "megatron-alltoall", 0.8))}, []string{"one takes 25 % longer"}, nil},
		{"in about the same time it is not", []string{rowOf(t, whole("d", "dropless", 1)), rowOf(t, whole("m", "megatron-alltoall", 0.98))}, nil, []string{"longer"}},
		{"scopes that differ are said", []string{rowOf(t), rowOf(t, named("m", "megatron-probs"), func(_ *study.Cell, _, r map[string]any) { r["capacity_scope"] = "local" })},
			[]string{"Scopes differ: drop decides over the tokens of all ranks (global); megatron-probs decides"}, nil},
	} {
		t.Run(c.rule, func(t *testing.T) {
			text := strings.Join(compose("x", parsed(t, c.lines...)).Caveats, "\n")
			for _, want := range c.want {
				if !strings.Contains(text, want) {
					t.Errorf("%q is not in:\n%s", want, text)
				}
			}
			for _, not := range c.not {
				if strings.Contains(text, not) {
					t.Errorf("%q is in:\n%s", not, text)
				}
			}
		})
	}
}

// FuzzRows: no rows panic, whatever becomes of them.
func FuzzRows(f *testing.F) {
	f.Add([]byte(rowOf(f)))
	f.Add([]byte(rowOf(f) + rowOf(f, func(c *study.Cell, _, _ map[string]any) { c.ID, c.System, c.Gamma = "d", "dropless", nil })))
	f.Add([]byte(rowOf(f, func(_ *study.Cell, row, _ map[string]any) { row["failure"] = "x" })))
	f.Add([]byte(rowOf(f, func(_ *study.Cell, _, r map[string]any) {
		r["attribution"] = map[string]any{"slowest_rank": 1, "layer": nil, "seconds": map[string]any{"wire": 1, "token_imbalance": -1}, "counterfactual": []map[string]any{{"what": "drop", "saved_seconds": 1}}}
	})))
	f.Add([]byte(fmt.Sprintf("%s{\"cell\"", rowOf(f))))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := parse(text)
		if err != nil {
			return
		}
		rep := compose("x", r)
		if _, err := rep.render(); err != nil {
			t.Fatal(err)
		}
	})
}
