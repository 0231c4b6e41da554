package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"capmoe/runtime"
)

const (
	root     = "../.."
	theDoc   = root + "/docs/paper.md"
	tinyName = "tiny-olmoe"
)

// grid is the tables in a text: the cells of their rows, the headers first.
func grid(t *testing.T, text string) (tables [][][]string) {
	t.Helper()
	var rows [][]string
	for line := range strings.Lines(text + "\n\n") {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "|") {
			if len(rows) > 0 {
				tables = append(tables, slices.Delete(rows, 1, 2))
			}
			rows = nil
			continue
		}
		var row []string
		for _, field := range strings.Split(strings.Trim(line, "|"), "|") {
			row = append(row, strings.TrimSpace(field))
		}
		if len(rows) > 0 && len(row) != len(rows[0]) {
			t.Fatalf("%q has %d fields, the header %d", line, len(row), len(rows[0]))
		}
		rows = append(rows, row)
	}
	return tables
}

// value is the number at the beginning of a field.
func value(t *testing.T, field string) float64 {
	t.Helper()
	first, _, _ := strings.Cut(strings.ReplaceAll(field, "×", " "), " ")
	v, err := strconv.ParseFloat(first, 64)
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
		t.Fatalf("%q is no number", field)
	}
	return v
}

// column is the place of a column by its label.
func column(t *testing.T, table [][]string, label string) int {
	t.Helper()
	i := slices.Index(table[0], label)
	if i < 0 {
		t.Fatalf("no column %q in %q", label, table[0])
	}
	return i
}

// Every table of the document is there and its fields are numbers: of a part a row for
// each cell, of a recording a bound for each number of ranks.
func TestDocumentedTablesParse(t *testing.T) {
	doc, err := readDocument(theDoc)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []struct {
		name         string
		tables, rows int
	}{
		{"claims", 1, 3 + 12}, {tinyName, 2, 16}, {"olmoe-github", 1, 13}, {"olmoe-c4", 1, 13}, {"mixtral-github", 1, 13}, {"gpt-oss-20b", 1, 5},
		{"loads tiny-olmoe", 1, 13}, {"loads olmoe-github", 1, 13}, {"loads olmoe-arxiv", 1, 13}, {"loads olmoe-c4", 1, 13},
		{"loads mixtral-github", 1, 13}, {"loads mixtral-mmlu", 1, 13}, {"loads gpt-oss-20b", 1, 5},
	} {
		t.Run(want.name, func(t *testing.T) {
			tables := grid(t, doc.table(want.name))
			if len(tables) != want.tables {
				t.Fatalf("%d tables, want %d", len(tables), want.tables)
			}
			for _, table := range tables {
				if len(table)-1 != want.rows {
					t.Errorf("%d rows, want %d", len(table)-1, want.rows)
				}
				for _, row := range table[1:] {
					for _, field := range row[2:] {
						if field != "–" && !strings.HasPrefix(field, "score ") {
							value(t, field)
						}
					}
				}
			}
		})
	}
}

// The first table has the numbers of the others.
func TestClaimsAreOfTheOtherTables(t *testing.T) {
	doc, err := readDocument(theDoc)
	if err != nil {
		t.Fatal(err)
	}
	all := grid(t, doc.table("claims"))[0]
	policy := ""
	for _, row := range all[1:] {
		policy = cmp.Or(row[0], policy)
		if strings.HasPrefix(row[1], "the paper") {
			continue
		}
		for _, c := range []struct {
			place, table int
			name, label  string
		}{
			{2, 0, tinyName, "change"}, {3, 1, tinyName, "layer speed-up, critical path"},
			{4, 0, "olmoe-github", "layer speed-up, wall"}, {5, 0, "olmoe-github", "bound"}, {6, 0, "loads olmoe-github", "8 ranks"}, {7, 0, "loads olmoe-github", "64 ranks"},
			{8, 0, "mixtral-github", "layer speed-up, wall"}, {9, 0, "mixtral-github", "bound"}, {10, 0, "loads mixtral-github", "8 ranks"},
		} {
			table := grid(t, doc.table(c.name))[c.table]
			i := slices.IndexFunc(table, func(r []string) bool { return r[0] == policy && r[1] == row[1] })
			if i < 0 {
				t.Fatalf("%s has no row %s, γ %s", c.name, policy, row[1])
			}
			if want := value(t, table[i][column(t, table, c.label)]); value(t, row[c.place]) != want {
				t.Errorf("%s, γ %s: %q, table %s has %v", policy, row[1], row[c.place], c.name, want)
			}
		}
	}
}

// small is a study of each part that takes a second.
const small = `
ranks: [2]
systems: [dropless, drop, reroute, expanded]
gamma: [1.0]
models: [examples/tiny-olmoe]
workloads: ["text:examples/text/valid.txt"]
dtypes: [bf16]
step-tokens: [512]
steps: 1
`

// The program runs the model's study, keeps its rows, says of all else that there is no
// data for it, and does the same again without a run.
func TestPaperWithoutData(t *testing.T) {
	if testing.Short() {
		t.Skip("real runs under mpirun are left out by -short")
	}
	if _, err := exec.LookPath("mpirun"); err != nil {
		t.Skip("mpirun is not installed")
	}
	dir := t.TempDir()
	o := options{rows: filepath.Join(dir, "rows"), document: filepath.Join(dir, "paper.md"), studies: dir, capmoe: filepath.Join(dir, "capmoe")}
	if out, err := exec.Command("go", "build", "-o", o.capmoe, root+"/launch/capmoe").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	doc, err := os.ReadFile(theDoc)
	if err != nil {
		t.Fatal(err)
	}
	for path, text := range map[string][]byte{o.document: doc, filepath.Join(dir, "tiny.yaml"): []byte(small)} {
		if err := os.WriteFile(path, text, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(root)
	var stdout, again, stderr bytes.Buffer
	if err := run(t.Context(), o, &stdout, &stderr); err != nil {
		t.Fatalf("%v\n%s", err, &stderr)
	}
	if err := run(t.Context(), o, &again, new(bytes.Buffer)); err != nil || again.String() != stdout.String() {
		t.Errorf("again: %v, other output:\n%s", err, &again)
	}
	made, err := readDocument(o.document)
	if err != nil {
		t.Fatal(err)
	}
	table := grid(t, made.table(tinyName))[0]
	if len(table) != 1+4 || value(t, table[1][column(t, table, "perplexity")]) < 10 || table[1][column(t, table, "bound")] != "1.00×" {
		t.Errorf("table of %s: %q", tinyName, table)
	}
	if want := "`capmoe study run " + dir + "/tiny.yaml --out " + dir + "/rows/tiny-olmoe`; commit "; !strings.HasPrefix(made.table(tinyName), want) {
		t.Errorf("table of %s begins with %.200q, want %q", tinyName, made.table(tinyName), want)
	}
	field := func(row []string, label string) float64 { return value(t, row[column(t, table, label)]) }
	for _, row := range table[1:] {
		if got, want := field(row, "change"), 100*(field(row, "perplexity")/field(table[1], "perplexity")-1); math.Abs(got-want) > 0.01 {
			t.Errorf("%q: change %v, want %v", row, got, want)
		}
		if got, want := field(row, "of bound"), 100*field(row, "layer speed-up, critical path")/field(row, "bound"); math.Abs(got-want) > 2 {
			t.Errorf("%q: of bound %v, want %v", row, got, want)
		}
	}
	for _, p := range parts[1:] {
		if got := made.table(p.name); !strings.HasPrefix(got, "*not made: it needs `data/traces/") {
			t.Errorf("%s: %q", p.name, got)
		}
	}
	for _, r := range recordings {
		if got := made.table("loads " + r.name); !strings.HasPrefix(got, "*not made: it needs `data/traces/") {
			t.Errorf("loads of %s: %q", r.name, got)
		}
	}
}

// What the program cannot do is one error that names it.
func TestFaults(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		return path
	}
	marks := ""
	for _, name := range names() {
		marks += fmt.Sprintf("<!-- table %s -->\n%s\n", name, end)
	}
	doc, empty, broken := write("doc.md", marks), write("empty.md", ""), write(domains, "{")
	failing := write("failing", "#!/bin/sh\nexit 3\n")
	if err := os.Chmod(failing, 0o777); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		rule string
		do   func() error
		want string
	}{
		{"the document is there", func() error { return run(t.Context(), options{document: dir + "/no.md"}, nil, nil) }, "paper: document: open " + dir + "/no.md"},
		{"a table has a place before it is made", func() error { return run(t.Context(), options{document: empty}, nil, nil) }, empty + ": 0 marks <!-- table claims -->, want 1"},
		{"a study that fails is told", func() error {
			return run(t.Context(), options{document: doc, capmoe: failing}, nil, new(bytes.Buffer))
		}, "paper: tiny-olmoe: capmoe study run: exit status 3"},
		{"capmoe is there", func() error {
			return run(t.Context(), options{document: doc, capmoe: dir + "/no"}, nil, new(bytes.Buffer))
		}, dir + "/no: no such file"},
		{"counts are whole", func() error {
			_, err := planRecordings(t.Context(), options{data: dir}, new(bytes.Buffer))
			return err
		}, "paper: loads of olmoe-github: trace: " + broken},
		{"an end that is asked for ends it", func() error {
			ctx, stop := context.WithCancel(t.Context())
			stop()
			return run(ctx, options{document: doc, capmoe: failing}, nil, new(bytes.Buffer))
		}, "interrupted: the same command goes on"},
		{"no argument is left over", func() error { _, err := parse([]string{"x"}); return err }, `paper: unexpected argument "x"`},
		{"flags are known", func() error { _, err := parse([]string{"--nope"}); return err }, "paper: flag provided but not defined"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			if err := c.do(); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("error %v, want %q", err, c.want)
			}
		})
	}
	if got := absent(dir, "data/x#set"); got != "not made: there is no `data/x` in the folder `CAPMOE_DATA`" {
		t.Errorf("absent: %q", got)
	}
	if got := absent(dir, domains+"#set"); got != "" {
		t.Errorf("absent, of what is there: %q", got)
	}
}

// The bound is the busiest rank's pairs, dropless over capped, added up over layers.
func TestBound(t *testing.T) {
	layer := func(kept int64, imbalance float64) runtime.LayerReport {
		return runtime.LayerReport{Counts: runtime.Counts{Kept: kept}, RankImbalanceAfter: imbalance}
	}
	report := func(l ...runtime.LayerReport) *runtime.ReplayReport {
		return &runtime.ReplayReport{Report: runtime.Report{Counts: runtime.Counts{Routed: 200}, Layers: l}}
	}
	// On 2 ranks: 75 and 60 pairs of 100; capped 50 of 90, and 40 of 80.
	p := planned{loads: map[load]outcome{
		{dropless, 0, 2}: outcomeOf(report(layer(100, 1.5), layer(100, 1.2))),
		{drop, 1, 2}:     outcomeOf(report(layer(90, 10./9), layer(80, 1))),
	}}
	if got, want := p.bound(drop, 1, 2), 135./90; !(math.Abs(got-want) < 1e-12) {
		t.Errorf("bound %v, want %v", got, want)
	}
	if got := fmt.Sprint(bound(p, reroute, 1, 2)); got != "<nil>" {
		t.Errorf("bound of what was not planned: %v", got)
	}
}
