package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// The tests of this package run the built programs as a user does: alone, and as
// ranks under mpirun.

// programs is the folder of the built programs.
var programs string

func TestMain(m *testing.M) {
	flag.Parse()
	// mpirun sleeps for two seconds after ranks that failed: most of a job is waiting.
	flag.Set("test.parallel", "6")
	os.Exit(buildAndRun(m))
}

func buildAndRun(m *testing.M) int {
	var err error
	if programs, err = os.MkdirTemp("", "capmoe-test-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(programs)
	build := exec.Command("go", "build", "-o", programs+"/", ".", "../../examples/straggler")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// alone is the number of ranks of a job without mpirun.
const alone = 0

// hardLimit ends a job that hangs.
const hardLimit = 2 * time.Minute

// marker is the environment variable by which the processes of one job are found.
const marker = "CAPMOE_TEST_JOB"

var jobs atomic.Int64

// job is one run of a program.
type job struct {
	program string
	ranks   int    // alone, or the number of ranks under mpirun
	nodes   string // made ones that they are on, as scripts/nodes takes them; empty: this machine
	slots   bool   // this machine is said to have a slot for each rank, whatever its cores
	args    []string
	env     []string // more of it
}

// capmoe is a run of the command.
func capmoe(ranks int, args ...string) job { return job{program: "capmoe", ranks: ranks, args: args} }

// result is what a job leaves behind.
type result struct {
	stdout, stderr string
	code           int
	took           time.Duration
}

// running is a job under way.
type running struct {
	t              *testing.T
	cmd            *exec.Cmd
	name           string // unique among the jobs of this machine
	began          time.Time
	stdout, stderr bytes.Buffer
}

// start starts a job; the test that forgets to wait for it ends it.
func (j job) start(t *testing.T) *running {
	t.Helper()
	argv := append([]string{filepath.Join(programs, j.program)}, j.args...)
	switch {
	case j.nodes != "":
		skipWithoutMPIRun(t)
		argv = append([]string{"../../scripts/nodes", j.nodes}, argv...)
	case j.slots:
		skipWithoutMPIRun(t)
		argv = append([]string{"mpirun", "-q", "--bind-to", "none", "--host", fmt.Sprintf("localhost:%d", j.ranks), "-n", fmt.Sprint(j.ranks)}, argv...)
	case j.ranks != alone:
		skipWithoutMPIRun(t)
		argv = append([]string{"mpirun", "-q", "--oversubscribe", "--bind-to", "none", "-n", fmt.Sprint(j.ranks)}, argv...)
	}
	ctx, cancel := context.WithTimeout(context.Background(), hardLimit)
	t.Cleanup(cancel)
	r := &running{t: t, name: fmt.Sprintf("%d.%d", os.Getpid(), jobs.Add(1)), began: time.Now()}
	r.cmd = exec.CommandContext(ctx, argv[0], argv[1:]...)
	r.cmd.Cancel = func() error { return r.cmd.Process.Signal(syscall.SIGTERM) }
	r.cmd.WaitDelay = 5 * time.Second
	r.cmd.Env = append(os.Environ(), marker+"="+r.name, "OMPI_ALLOW_RUN_AS_ROOT=1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1",
		"OMP_WAIT_POLICY=passive") // the jobs of other tests share the cores
	r.cmd.Env = append(r.cmd.Env, j.env...)
	r.cmd.Stdout, r.cmd.Stderr = &r.stdout, &r.stderr
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return r
}

func skipWithoutMPIRun(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("mpirun"); err != nil {
		t.Skip("mpirun is not on PATH: tests of several ranks are left out")
	}
}

// wait waits for the end of the job. It fails the test if a process of the job is left.
func (r *running) wait() result {
	r.t.Helper()
	err := r.cmd.Wait()
	res := result{stdout: r.stdout.String(), stderr: r.stderr.String(), code: r.cmd.ProcessState.ExitCode(), took: time.Since(r.began)}
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		r.t.Fatalf("%v: %v\n%s", r.cmd.Args, err, res.stderr)
	}
	const patience = 5 * time.Second
	for waited := time.Duration(0); len(r.processes("")) > 0; waited += 20 * time.Millisecond {
		if waited > patience {
			r.t.Fatalf("%v has ended, but not its processes %v", r.cmd.Args, r.processes(""))
		}
		time.Sleep(20 * time.Millisecond)
	}
	return res
}

// run runs a job to its end.
func (j job) run(t *testing.T) result {
	t.Helper()
	return j.start(t).wait()
}

// output runs a job that must succeed, and returns what it says.
func (j job) output(t *testing.T) string {
	t.Helper()
	res := j.run(t)
	if res.code != 0 {
		t.Fatalf("%v on %d ranks: exit code %d\n%s", j.args, j.ranks, res.code, res.stderr)
	}
	return res.stdout
}

// processes lists the job's live processes whose environment has the setting.
func (r *running) processes(setting string) []int {
	r.t.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		r.t.Skipf("processes cannot be listed: %v", err)
	}
	var found []int
	for _, entry := range entries {
		var pid int
		if _, err := fmt.Sscanf(entry.Name(), "%d", &pid); err != nil {
			continue
		}
		environment, err := os.ReadFile(filepath.Join("/proc", entry.Name(), "environ"))
		if err != nil {
			continue
		}
		settings := "\x00" + string(environment)
		if strings.Contains(settings, "\x00"+marker+"="+r.name+"\x00") && strings.Contains(settings, "\x00"+setting) {
			found = append(found, pid)
		}
	}
	return found
}
