package main

import (
	"encoding/json"
	"fmt"
	"html"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"capmoe/runtime"
	"capmoe/runtime/trace"
)

// The whole way of a study: its runs, their rows, a report whose numbers are the rows'.
func TestFromStudyToReport(t *testing.T) {
	skipWithoutMPIRun(t)
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "study")
	capmoe(alone, "study", "run", "--out", dir, "--ranks", "1,2", "--systems", "dropless,drop", "--gamma", "1", "--models", shippedModel,
		"--workloads", "text:"+shippedText, "--step-tokens", "256", "--window", "64", "--steps", "2").output(t)
	path := filepath.Join(dir, "report.json")
	out := capmoe(alone, "report", dir, "--json", path).output(t)
	checkContains(t, out, "4 runs of 4 cells")
	var record struct {
		Sections []struct {
			Tables map[string][]struct {
				System     string   `json:"system"`
				Ranks      int      `json:"ranks"`
				Perplexity *float64 `json:"perplexity"`
				MassLost   float64  `json:"gate_mass_lost"`
				Critical   float64  `json:"critical_path_seconds"`
				MoE        float64  `json:"moe_layer_seconds"`
			}
		}
	}
	readJSON(t, path, &record)
	page, err := os.ReadFile(filepath.Join(dir, "report.html"))
	if err != nil {
		t.Fatal(err)
	}
	text := html.UnescapeString(string(page))
	cells := record.Sections[0].Tables["cells"]
	for _, row := range rowsOf(t, dir) {
		var r runtime.EvaluationReport
		if err := json.Unmarshal(row.Result, &r); err != nil {
			t.Fatal(err)
		}
		found := false
		for _, c := range cells {
			if c.System != row.Cell.System || c.Ranks != row.Cell.Ranks {
				continue
			}
			found = true
			if c.Perplexity == nil || *c.Perplexity != r.Perplexity || c.MassLost != r.GateMassLost || c.Critical != r.CriticalPath || c.MoE != r.MoESeconds {
				t.Errorf("%s: the report has %+v, its row perplexity %v, mass %v, critical path %v, mixture %v", row.Cell.ID, c, r.Perplexity, r.GateMassLost, r.CriticalPath, r.MoESeconds)
			}
		}
		if !found {
			t.Errorf("%s is not in the report's cells", row.Cell.ID)
		}
		checkContains(t, text, fmt.Sprintf("%.3f", r.Perplexity))
	}
}

// The whole way of a trace: what is recorded is what is shown, and what is replayed, with
// the same plan on any number of ranks.
func TestFromRecordingToReplay(t *testing.T) {
	skipWithoutMPIRun(t)
	t.Parallel()
	path := recordShipped(t, 2)
	shown := parse[trace.Summary](t, capmoe(alone, "trace", "show", path, "--json", "-").output(t))
	one, three := replay(t, 1, "--trace", path, "--policy", "reroute", "--gamma", "1"), replay(t, 3, "--trace", path, "--policy", "reroute", "--gamma", "1")
	if one.PlanHash == "" || one.PlanHash != three.PlanHash || one.Counts != three.Counts {
		t.Errorf("plan %s, %+v on 1 rank; %s, %+v on 3", one.PlanHash, one.Counts, three.PlanHash, three.Counts)
	}
	if shown.Tokens != 1024 || three.Tokens != 1024 || len(shown.Layer) != len(three.Layers) {
		t.Fatalf("%d tokens, %d layers shown, %d tokens, %d layers replayed", shown.Tokens, len(shown.Layer), three.Tokens, len(three.Layers))
	}
	for i, l := range three.Layers {
		if !slices.Equal(l.ExpertLoadBefore, shown.Layer[i].Load) {
			t.Errorf("layer %d: loads %v replayed, %v shown", i, l.ExpertLoadBefore, shown.Layer[i].Load)
		}
	}
}
