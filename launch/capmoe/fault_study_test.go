package main

import (
	"os"
	"path/filepath"
	"testing"

	"capmoe/launch"
)

// All that a study reads is checked before it runs anything.
func TestStudyFaults(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		writeFile(t, path, []byte(text))
		return path
	}
	other := filepath.Join(dir, "other")
	first, _ := stubbed(t, "--out", other, "--ranks", "1", "--systems", "dropless")
	first.output(t)
	hosts := file("hosts", "node01 slots=2\nnode01\n")
	const failed, wrong = launch.ExitFailed, launch.ExitUsage
	for _, c := range []struct {
		rule  string
		args  []string
		code  int
		texts []string
	}{
		{"rows need a folder", []string{"--out", ""}, wrong, []string{`--out "": want a path`}},
		{"the folder is no file", []string{"--out", hosts}, failed, []string{hosts, "not a directory"}},
		{"the folder can be made", []string{"--out", "/proc/none"}, failed, []string{"/proc/none"}},
		{"the folder is of this study", []string{"--out", other, "--ranks", "2", "--systems", "dropless"}, failed, []string{other, "another study", "ranks is [1] there, [2] here"}},
		{"flags are checked", []string{"--ranks", "0"}, wrong, []string{"--ranks[0]: 0, want 1 or more"}},
		{"all of them", []string{"--ranks", "0", "--gamma", "-1"}, wrong, []string{"--ranks[0]", "--gamma[0]"}},
		{"systems are known", []string{"--systems", "best"}, wrong, []string{"--systems[0]", `"best"`, "reroute"}},
		{"numbers are numbers", []string{"--ranks", "two"}, wrong, []string{`"two"`, "ranks"}},
		{"flags are known", []string{"--policy", "drop"}, wrong, []string{"-policy"}},
		{"there is one file", []string{hosts, hosts}, wrong, []string{"2 files, want one"}},
		{"the file is there", []string{"/missing.yaml"}, failed, []string{"/missing.yaml", "no such file"}},
		{"the file is no folder", []string{dir}, failed, []string{dir, "directory"}},
		{"fields of the file are known", []string{file("unknown.yaml", "ranks: [1]\nrank: [2]\n")}, failed, []string{"unknown.yaml:2", `"rank"`}},
		{"fields of the file have their type", []string{file("type.yaml", "ranks: many\n")}, failed, []string{"type.yaml:1", "ranks", `"many"`}},
		{"values of the file are sound", []string{file("value.yaml", "steps: 2\nranks: [1, -1]\n")}, failed, []string{"value.yaml:2", "ranks[1]: -1"}},
		{"the model is there", []string{"--models", "/missing"}, failed, []string{"/missing", "no such file"}},
		{"the text is there", []string{"--workloads", "text:/missing"}, failed, []string{"/missing", "no such file"}},
		{"the trace is there", []string{"--workloads", "trace:/missing"}, failed, []string{"/missing", "no such file"}},
		{"the hostfile is one", []string{"--hostfile", hosts}, failed, []string{hosts + ":2", "line 1 already"}},
		{"the launcher is known", []string{"--launcher", "rocket"}, wrong, []string{`"rocket"`, "mpirun or srun"}},
		{"the summary can be written", []string{"--json", "/missing/x"}, failed, []string{"--json /missing/x", "no such file"}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			j, log := stubbed(t, append([]string{"--out", filepath.Join(t.TempDir(), "out")}, c.args...)...)
			checkFault(t, j, c.code, c.texts...)
			if lines := started(t, log); lines != nil {
				t.Errorf("%d runs were started", len(lines))
			}
		})
	}
	if rows := rowsOf(t, other); len(rows) != 1 {
		t.Errorf("the other study has %d rows, want 1", len(rows))
	}
}

// A launcher that is not on PATH, and one around the study, are faults.
func TestStudyLauncherFaults(t *testing.T) {
	j := capmoe(alone, "study", "run", "--out", t.TempDir(), "--models", shippedModel, "--workloads", "text:"+shippedText)
	j.env = []string{"PATH=" + t.TempDir()}
	checkFault(t, j, launch.ExitFailed, "mpirun: not found on PATH")
	checkFault(t, capmoe(3, "study", "run", "--out", t.TempDir()), launch.ExitUsage, "starts ranks itself", "3 ranks")
}

// A run that ends well without the report of its cell has failed.
func TestStudyWithoutReport(t *testing.T) {
	t.Parallel()
	dir, stub := t.TempDir(), t.TempDir()
	j, _ := stubbed(t, "--out", dir, "--ranks", "1", "--systems", "dropless")
	for _, c := range []struct{ says, want string }{{"echo hello", "its output of 6 bytes is no JSON"}, {"true", "its output of 0 bytes is no JSON"}, {"echo '[1]'", "is no report"}, {`echo '{"ranks": 2}'`, "the report is of 2 ranks, the cell has 1"}, {`echo '{"ranks": 1, "tokens": 100}'`, "has 100 tokens, 4 steps of 2048 are 8192: take fewer steps"}} {
		if err := os.WriteFile(filepath.Join(stub, "mpirun"), []byte("#!/bin/sh\n"+c.says+"\n"), 0o777); err != nil {
			t.Fatal(err)
		}
		j.env = []string{"PATH=" + stub + ":" + os.Getenv("PATH")}
		res := j.run(t)
		checkContains(t, res.stderr, c.want)
		j.args = append(j.args, "--retry-failed")
	}
	if rows := rowsOf(t, dir); len(rows) != 5 || rows[0].Result != nil || rows[0].Environment.Kernels != "" {
		t.Errorf("rows %+v", rows)
	}
}
