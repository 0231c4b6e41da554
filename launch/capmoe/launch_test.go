package main

import (
	"path/filepath"
	"strings"
	"testing"

	"capmoe/launch"
)

// Ranks are started, pass on what they say, and their end is told: who, where, why.
func TestLaunch(t *testing.T) {
	skipWithoutMPIRun(t)
	rank1 := func(does string) []string {
		return []string{"-n", "3", "--", "sh", "-c", `[ $OMPI_COMM_WORLD_RANK = 1 ] || exec sleep 5; sleep 0.3; ` + does}
	}
	for _, c := range []struct {
		rule string
		args []string
		code int
		out  string // of standard output
		last string // the last line of standard error has it
	}{
		{"output is passed on", []string{"-n", "2", "--", "echo", "-n", "x"}, launch.ExitOK, "xx", ""},
		{"a signal is told", rank1("kill -SEGV $$"), launch.ExitFailed, "", "capmoe: launch: mpirun of 3 ranks: rank 1 on "},
		{"an exit code is told", rank1("echo boo >&2; exit 7"), launch.ExitFailed, "", "ended with exit code 7: boo"},
		{"threads are not absurd", []string{"--threads", "1000000", "--", "true"}, launch.ExitUsage, "", "capmoe: launch: --threads 1000000, want at most 4096"},
		{"an error of capmoe is told", []string{"-n", "3", "--", filepath.Join(programs, "capmoe"), "eval", "--model", "/missing", "--text", "x"}, launch.ExitFailed, "",
			"ended with exit code 1: capmoe: checkpoint: /missing/config.json: open: no such file or directory"},
		{"a timeout is told", []string{"-n", "2", "--timeout", "1s", "--", "sleep", "60"}, launch.ExitFailed, "", "not done after 1s, stopped"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			res := capmoe(alone, append([]string{"launch"}, c.args...)...).run(t)
			if res.code != c.code || res.stdout != c.out {
				t.Errorf("exit code %d, standard output %q, want %d, %q\n%s", res.code, res.stdout, c.code, c.out, res.stderr)
			}
			lines := strings.Split(strings.TrimSuffix(res.stderr, "\n"), "\n")
			checkContains(t, lines[len(lines)-1], c.last)
		})
	}
}

// A job that fails is started again, as often as asked for; a wrong command line is not.
func TestLaunchRestart(t *testing.T) {
	skipWithoutMPIRun(t)
	count := filepath.Join(t.TempDir(), "count")
	again := []string{"launch", "--restart", "2", "--", "sh", "-c", `echo x >> ` + count + `; [ $(wc -l < ` + count + `) = 2 ]`}
	res := capmoe(alone, again...).run(t)
	if n := strings.Count(readText(t, count), "x"); res.code != 0 || n != 2 {
		t.Errorf("exit code %d after %d runs, want 0 after 2\n%s", res.code, n, res.stderr)
	}
	checkContains(t, res.stderr, "; restart 1 of 2\n")
	res = capmoe(alone, "launch", "--restart", "2", "--", filepath.Join(programs, "capmoe"), "eval").run(t)
	if res.code != launch.ExitFailed || strings.Contains(res.stderr, "restart 1") {
		t.Errorf("exit code %d\n%s", res.code, res.stderr)
	}
}

func TestLaunchFaults(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "hosts")
	writeFile(t, empty, []byte("# none\n"))
	for _, c := range []struct {
		rule  string
		args  []string
		code  int
		texts []string
	}{
		{"there is a command", []string{"-n", "2"}, launch.ExitUsage, []string{"no command"}},
		{"there is a rank", []string{"-n", "0", "true"}, launch.ExitUsage, []string{"--ranks 0"}},
		{"restarts are not negative", []string{"--restart", "-1", "true"}, launch.ExitUsage, []string{"--restart -1"}},
		{"the launcher is known", []string{"--launcher", "rocket", "true"}, launch.ExitUsage, []string{`"rocket"`}},
		{"the hostfile is there", []string{"--hostfile", "/missing", "true"}, launch.ExitFailed, []string{"hostfile /missing", "no such file"}},
		{"the hostfile has a host", []string{"--hostfile", empty, "true"}, launch.ExitFailed, []string{empty, "no host in 1 lines"}},
		{"the program is there", []string{"-n", "2", "--", "/no/such"}, launch.ExitFailed, []string{"launch", "/no/such", "no such file"}},
		{"the program is on PATH", []string{"no-such"}, launch.ExitFailed, []string{"no-such: not found on PATH"}},
		{"flags are known", []string{"--gamma", "1", "true"}, launch.ExitUsage, []string{"launch", "-gamma"}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			checkFault(t, capmoe(alone, append([]string{"launch"}, c.args...)...), c.code, c.texts...)
		})
	}
}
