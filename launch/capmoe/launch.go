package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"capmoe/launch"
	"capmoe/runtime"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"
)

func launchCommand(t terminal) *cli.Command {
	return &cli.Command{
		Name:      "launch",
		Usage:     "start a command on ranks through mpirun or srun, and say who died, where",
		UsageText: "capmoe launch [flags] -- COMMAND [arguments]",
		Flags: append([]cli.Flag{
			&cli.IntFlag{Name: "ranks", Aliases: []string{"n"}, Value: 1, Usage: "`P`"},
			&cli.IntFlag{Name: "threads", Usage: "compute threads of a rank: `N`", DefaultText: "its share of the node's cores"},
			&cli.DurationFlag{Name: "timeout", Usage: "end the ranks after `TIME`", DefaultText: "never"},
			&cli.IntFlag{Name: "restart", Usage: "start again after a failure, at most `N` times"},
		}, launcherFlags()...),
		Action: func(c *cli.Context) error { return runLaunch(c, t) },
	}
}

// launcherFlags are those of commands that start ranks.
func launcherFlags() []cli.Flag {
	const category = "Launcher"
	return []cli.Flag{
		&cli.StringFlag{Category: category, Name: "launcher", Value: launch.MPIRun, Usage: "`NAME` mpirun or srun"},
		&cli.StringFlag{Category: category, Name: "hostfile", TakesFile: true, Usage: "`FILE` of hosts, one a line, with slots=N", DefaultText: "this machine, or the allocation that it is in"},
		&cli.StringFlag{Category: category, Name: "map-by", Usage: "mpirun's --map-by, srun's --distribution: `RULE`"},
		&cli.StringFlag{Category: category, Name: "bind-to", Value: "none", Usage: "mpirun's --bind-to, srun's --cpu-bind: `RULE`"},
	}
}

// startsRanks tells whether a command line is one that must run alone.
func startsRanks(args []string) bool {
	return len(args) > 0 && (args[0] == "launch" || args[0] == "study")
}

// untilSignal is a context that ends when the user asks the process to end.
func untilSignal(parent context.Context) (context.Context, context.CancelFunc) {
	return signal.NotifyContext(parent, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
}

func runLaunch(c *cli.Context, t terminal) error {
	job := launch.Job{
		Launcher: c.String("launcher"), Ranks: c.Int("ranks"), Hostfile: c.String("hostfile"), MapBy: c.String("map-by"), BindTo: c.String("bind-to"),
		Threads: c.Int("threads"), Timeout: c.Duration("timeout"), Command: c.Args().Slice(),
	}
	switch {
	case len(job.Command) == 0:
		return usagef("launch: no command: capmoe launch [flags] -- COMMAND")
	case job.Ranks < 1 || job.Threads < 0 || c.Int("restart") < 0 || job.Timeout < 0:
		return usagef("launch: --ranks %d, --threads %d, --restart %d, --timeout %v, want 1, 0, 0 and 0 or more", job.Ranks, job.Threads, c.Int("restart"), job.Timeout)
	case job.Threads > runtime.MostThreads:
		return usagef("launch: --threads %d, want at most %d", job.Threads, runtime.MostThreads)
	case job.Launcher != launch.MPIRun && job.Launcher != launch.SRun:
		return usagef("launch: --launcher %q, want mpirun or srun", job.Launcher)
	}
	plan, err := job.Plan()
	if err == nil {
		err = plan.Find()
	}
	if err != nil {
		return err
	}
	ctx, stop := untilSignal(c.Context)
	defer stop()
	return launchAgain(ctx, t, plan, c.Int("restart"))
}

// launchAgain runs a job until it succeeds, or has failed once more than restarts, or
// has failed with a fault of its command line, which another run would repeat.
func launchAgain(ctx context.Context, t terminal, plan *launch.Plan, restarts int) error {
	streams := launch.Streams{Stdout: t.stdout, Stderr: t.stderr}
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		streams.Stdin = os.Stdin
	}
	const pause = time.Second
	for failed := 0; ; failed++ {
		err := plan.Run(ctx, streams)
		death, ended := errors.AsType[*launch.Death](err)
		switch {
		case errors.Is(err, context.Canceled):
			return fmt.Errorf("launch: interrupted, the ranks have been ended")
		case !ended || failed == restarts || death.Code == launch.ExitUsage:
			return err
		}
		fmt.Fprintf(t.stderr, "capmoe: %v; restart %d of %d\n", err, failed+1, restarts)
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}
