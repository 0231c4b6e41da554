package launch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	goruntime "runtime"
	"syscall"
)

// Streams are those of a job; a nil one is empty, or goes nowhere.
type Streams struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
}

// Run runs the job to its end. When the context ends, or the timeout passes, the
// launcher is asked to end its ranks, and what is left of its process group and its
// descendants is killed after patience. When this process is killed, the launcher is
// asked to end its ranks too. The error is the context's, or a *Death.
func (p *Plan) Run(ctx context.Context, s Streams) error {
	within, cancel := ctx, context.CancelFunc(func() {})
	if p.job.Timeout > 0 {
		within, cancel = context.WithTimeout(ctx, p.job.Timeout)
	}
	defer cancel()
	// The system takes the death of the thread that starts a process for its parent's.
	goruntime.LockOSThread()
	defer goruntime.UnlockOSThread()
	seen := newWatch(s.Stderr)
	cmd := exec.CommandContext(within, p.Argv[0], p.Argv[1:]...)
	cmd.Env = p.environ()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = s.Stdin, s.Stdout, seen
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	var left []int
	cmd.Cancel = func() error {
		left = descendants(cmd.Process.Pid)
		return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM)
	}
	cmd.WaitDelay = p.patience
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("launch: %s: %w", p.Argv[0], err)
	}
	err := cmd.Wait()
	killAll(cmd.Process.Pid, left)
	seen.flush()
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	}
	death := seen.death(p.job)
	if within.Err() != nil {
		death.After = p.job.Timeout
		return death
	}
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok {
		return fmt.Errorf("launch: %s: %w", p.Argv[0], err)
	}
	death.ended(exit, seen.comment)
	return death
}
