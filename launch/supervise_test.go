package launch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// stub puts a launcher of a few lines of sh on PATH, and returns a job of it.
func stub(t *testing.T, launcher, script string) Job {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, launcher), []byte("#!/bin/sh\n"+script), 0o777); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	return Job{Launcher: launcher, Ranks: 2, Command: []string{"true"}}
}

func plan(t *testing.T, j Job) *Plan {
	t.Helper()
	p, err := j.Plan()
	if err != nil {
		t.Fatal(err)
	}
	p.patience = time.Second
	return p
}

func TestRun(t *testing.T) {
	for _, c := range []struct{ rule, launcher, script, want string }{
		{"success is no error", MPIRun, "exit 0", ""},
		{"an exit code is told", MPIRun, "echo no >&2; exit 3", "launch: mpirun of 2 ranks: mpirun ended with exit code 3: no"},
		{"the launcher's own end is told", MPIRun, "kill -9 $$", "launch: mpirun of 2 ranks: mpirun was ended by signal 9 (killed)"},
		{"a signal of a rank is told", MPIRun, "exit 139", "launch: mpirun of 2 ranks: mpirun was ended by signal 11 (segmentation fault)"},
		{"but not where the launcher says why", MPIRun, `d=--------------------; printf "%s\nno room\n%s\n" $d $d >&2; exit 132`, "launch: mpirun of 2 ranks: mpirun ended with exit code 132: no room"},
		{"srun is one too", SRun, "echo 'srun: error: n1: task 1: Exited with exit code 3' >&2; exit 3", "launch: srun of 2 ranks: rank 1 on n1 ended with exit code 3"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			err := plan(t, stub(t, c.launcher, c.script)).Run(context.Background(), Streams{})
			if err == nil && c.want != "" || err != nil && err.Error() != c.want {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}

// The launcher does not see what a launcher has told this process.
func TestRunCleansEnvironment(t *testing.T) {
	job := stub(t, MPIRun, "env")
	t.Setenv("PMIX_RANK", "3")
	t.Setenv("OMPI_COMM_WORLD_SIZE", "4")
	t.Setenv("OMPI_MCA_btl", "self")
	var out strings.Builder
	if err := plan(t, job).Run(context.Background(), Streams{Stdout: &out}); err != nil {
		t.Fatal(err)
	}
	if s := out.String(); strings.Contains(s, "PMIX_RANK") || strings.Contains(s, "OMPI_COMM_WORLD_SIZE") || !strings.Contains(s, "OMPI_MCA_btl=self") {
		t.Errorf("environment of the launcher:\n%s", s)
	}
}

// stubborn is a launcher that starts a rank in a group of its own, as launchers do,
// and ends neither when asked to.
const stubborn = `trap '' TERM
setsid sh -c 'trap "" TERM; echo $$ > "$PIDS/rank"; while :; do sleep 0.1; done' &
echo $$ > "$PIDS/launcher"
while :; do sleep 0.1; done`

// gone fails if a process that has written its id to a file is there after a while.
func gone(t *testing.T, dir string, names ...string) {
	t.Helper()
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
		if err != nil {
			t.Fatal(err)
		}
		for waited := time.Duration(0); syscall.Kill(pid, 0) == nil; waited += 20 * time.Millisecond {
			if stat, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat"); strings.Contains(string(stat), ") Z ") {
				break // dead, and nobody has asked for its exit code
			}
			if waited > 5*time.Second {
				syscall.Kill(pid, syscall.SIGKILL)
				t.Fatalf("%s, process %d, is still there", name, pid)
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
}

// A timeout, or the end of the context, ends launcher and ranks, even stubborn ones.
func TestRunEnds(t *testing.T) {
	for _, c := range []struct {
		rule    string
		script  string
		timeout time.Duration
		started []string
	}{
		{"a launcher that ends when asked to", `trap 'exit 1' TERM; echo $$ > "$PIDS/launcher"; while :; do sleep 0.1; done`, 0, []string{"launcher"}},
		{"a stubborn one", stubborn, 0, []string{"launcher", "rank"}},
		{"a stubborn one at its timeout", stubborn, 500 * time.Millisecond, []string{"launcher", "rank"}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			job := stub(t, MPIRun, c.script)
			job.Timeout = c.timeout
			dir := t.TempDir()
			t.Setenv("PIDS", dir)
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			if c.timeout == 0 {
				time.AfterFunc(500*time.Millisecond, cancel)
			}
			began := time.Now()
			err := plan(t, job).Run(ctx, Streams{})
			if death, ok := errors.AsType[*Death](err); c.timeout > 0 && (!ok || death.After != c.timeout) || c.timeout == 0 && !errors.Is(err, context.Canceled) {
				t.Errorf("error %v", err)
			}
			if took := time.Since(began); took > 4*time.Second {
				t.Errorf("took %v, want at most 1 s and a little", took)
			}
			gone(t, dir, c.started...)
		})
	}
}

// A launcher that is not there is said to be so, and so is a command where the ranks are here.
func TestFind(t *testing.T) {
	job := stub(t, MPIRun, "exit 0")
	plain := filepath.Join(t.TempDir(), "plain")
	if err := os.WriteFile(plain, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ rule, command, slurm, want string }{
		{"a command is found on PATH", "true", "", ""},
		{"or is not", "no-such", "", "launch: no-such: not found on PATH"},
		{"a path is one to a file", "/no/such", "", `launch: exec: "/no/such": stat /no/such: no such file or directory`},
		{"that can be run", plain, "", fmt.Sprintf("launch: exec: %q: permission denied", plain)},
		{"in an allocation it may be elsewhere", "no-such", "7", ""},
	} {
		t.Run(c.rule, func(t *testing.T) {
			t.Setenv("SLURM_JOB_ID", c.slurm)
			if c.slurm == "" {
				os.Unsetenv("SLURM_JOB_ID")
			}
			job.Command = []string{c.command}
			if err := plan(t, job).Find(); err == nil && c.want != "" || err != nil && err.Error() != c.want {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
	p := plan(t, Job{Launcher: SRun, Ranks: 1, Command: []string{"true"}})
	t.Setenv("PATH", t.TempDir())
	if err := p.Find(); err == nil || err.Error() != "launch: srun: not found on PATH" {
		t.Errorf("error %v", err)
	}
	if err := p.Run(context.Background(), Streams{}); err == nil || !strings.Contains(err.Error(), "srun") {
		t.Errorf("error %v", err)
	}
}
