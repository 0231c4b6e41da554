package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"capmoe/runtime"
	"capmoe/runtime/study"
)

// rowsOf reads the rows of a study.
func rowsOf(t *testing.T, dir string) []study.Row {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, study.RowsFile))
	if err != nil {
		t.Fatal(err)
	}
	var rows []study.Row
	for line := range bytes.Lines(text) {
		var row study.Row
		if err := json.Unmarshal(line, &row); err != nil {
			t.Fatalf("row %d: %v", len(rows), err)
		}
		rows = append(rows, row)
	}
	return rows
}

// A small real study: every cell has a row with the report of a real run, the same
// plan on every number of ranks, and what it stood on.
func TestStudy(t *testing.T) {
	if testing.Short() {
		t.Skip("real runs under mpirun are left out by -short")
	}
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "new", "study")
	args := []string{"study", "run", "--out", dir, "--ranks", "1,3", "--systems", "dropless,drop,megatron-allgather,eplb", "--gamma", "1", "--models", shippedModel,
		"--workloads", "text:" + shippedText, "--step-tokens", "256", "--window", "64", "--steps", "2"}
	skipWithoutMPIRun(t)
	out := capmoe(alone, args...).output(t)
	checkContains(t, out, "8 runs of 8 cells in "+dir)
	perplexity := map[string]float64{}
	rows := rowsOf(t, dir)
	if len(rows) != 8 {
		t.Fatalf("%d rows, want 8", len(rows))
	}
	for _, row := range rows {
		var r runtime.EvaluationReport
		if err := json.Unmarshal(row.Result, &r); err != nil || row.Failure != "" {
			t.Fatalf("%s: %v, failure %q", row.Cell.ID, err, row.Failure)
		}
		if r.Ranks != row.Cell.Ranks || r.Tokens != 512 || r.Steps != 2 || r.Baseline != row.Cell.Baseline || row.Cell.Tokens != 256 {
			t.Errorf("%s: a run of %d ranks, %d tokens, %d steps, baseline %q", row.Cell.ID, r.Ranks, r.Tokens, r.Steps, r.Baseline)
		}
		if was := perplexity[row.Cell.System]; was != 0 && row.Cell.System != "megatron-allgather" && was != r.Perplexity {
			t.Errorf("%s: perplexity %v, on one rank %v", row.Cell.ID, r.Perplexity, was)
		}
		perplexity[row.Cell.System] = r.Perplexity
		e := row.Environment
		if e.Host == "" || e.CPU == "" || e.Cores < 1 || e.MPI == "" || e.Kernels != r.Kernels || e.Go == "" || e.Commit == "" || row.Elapsed <= 0 || row.Started.IsZero() {
			t.Errorf("%s: environment %+v, %v seconds, started %v", row.Cell.ID, e, row.Elapsed, row.Started)
		}
		if !slices.Equal(e.StudyFlags, args) || !slices.Contains(e.Flags, "--max-tokens") || !strings.HasPrefix(row.Command[0], "mpirun") {
			t.Errorf("%s: flags %v, of the study %v, command %v", row.Cell.ID, e.Flags, e.StudyFlags, row.Command)
		}
	}
}
