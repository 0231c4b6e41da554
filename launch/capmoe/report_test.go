package main

import (
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// studyFolder is a folder with the rows of a small study.
func studyFolder(t *testing.T) string {
	t.Helper()
	file, err := os.Open("../../runtime/study/report/testdata/rows.jsonl.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	text, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := io.ReadAll(text)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "rows.jsonl"), rows)
	return dir
}

func TestReport(t *testing.T) {
	t.Parallel()
	dir, to := studyFolder(t), filepath.Join(t.TempDir(), "a", "b")
	json := filepath.Join(t.TempDir(), "report.json")
	out := capmoe(alone, "report", dir, "--out", to, "--json", json).output(t)
	for _, text := range []string{"96 runs of 48 cells", "MoE speed-up", "megatron-position", "Read with care", "Oversubscribed: on 4 ranks", "report: " + filepath.Join(to, "report.html")} {
		if !strings.Contains(out, text) {
			t.Errorf("%q is not in:\n%s", text, out)
		}
	}
	for _, name := range []string{"report.html", "figures/speedup.svg", "tables/cells.md"} {
		if _, err := os.Stat(filepath.Join(to, name)); err != nil {
			t.Error(err)
		}
	}
	var record struct {
		Summary, Caveats []string
		Sections         []struct{ Tables map[string][]map[string]any }
	}
	readJSON(t, json, &record)
	if len(record.Summary) < 4 || len(record.Caveats) < 2 || len(record.Sections) != 1 || len(record.Sections[0].Tables["cells"]) != 48 {
		t.Errorf("--json has %d sentences, %d caveats, %d sections", len(record.Summary), len(record.Caveats), len(record.Sections))
	}
	checkClean(t, dir, "rows.jsonl")
}

func TestReportBesideTheRows(t *testing.T) {
	t.Parallel()
	dir := studyFolder(t)
	capmoe(alone, "report", dir).output(t)
	checkClean(t, dir, "figures", "report.html", "rows.jsonl", "tables")
}

func TestReportFaults(t *testing.T) {
	t.Parallel()
	dir, empty := studyFolder(t), t.TempDir()
	broken := t.TempDir()
	writeFile(t, filepath.Join(broken, "rows.jsonl"), []byte("{}\n"))
	for _, c := range []struct {
		rule  string
		job   job
		code  int
		texts []string
	}{
		{"a folder is needed", capmoe(alone, "report"), 2, []string{"report: 0 arguments, want 1: DIR"}},
		{"one is enough", capmoe(alone, "report", dir, empty), 2, []string{"report: 2 arguments, want 1: DIR"}},
		{"flags may follow, known ones", capmoe(alone, "report", dir, "--odd"), 2, []string{"report: ", "odd"}},
		{"it runs alone", capmoe(2, "report", dir), 2, []string{"runs on one rank, the launcher started 2"}},
		{"the page stays", capmoe(alone, "report", dir, "--json", filepath.Join(dir, "..", filepath.Base(dir), "report.html")), 2, []string{"report.html is the report's own file"}},
		{"rows stay", capmoe(alone, "report", dir, "--json", filepath.Join(dir, "rows.jsonl")), 2, []string{"rows.jsonl is the study's own file"}},
		{"rows are needed", capmoe(alone, "report", empty), 1, []string{filepath.Join(empty, "rows.jsonl"), "no such file"}},
		{"good ones", capmoe(alone, "report", broken), 1, []string{"rows.jsonl: line 1: cell.id is empty"}},
		{"a place to write", capmoe(alone, "report", dir, "--out", filepath.Join(broken, "rows.jsonl")), 1, []string{"rows.jsonl/figures", "not a directory"}},
	} {
		t.Run(c.rule, func(t *testing.T) { checkFault(t, c.job, c.code, c.texts...) })
	}
}
