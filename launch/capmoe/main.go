package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"capmoe/collective"
	"capmoe/launch"

	"github.com/urfave/cli/v2"
)

func main() {
	world, err := open(os.Args[1:])
	if usage := (*launch.UsageError)(nil); errors.As(err, &usage) {
		fmt.Fprintln(os.Stderr, "capmoe:", err)
		os.Exit(launch.ExitUsage)
	} else if err != nil {
		fmt.Fprintln(os.Stderr, "capmoe:", err)
		os.Exit(launch.ExitFailed)
	}
	err = run(context.Background(), world, os.Args, os.Stdout, os.Stderr)
	os.Exit(world.Close(err, os.Stderr))
}

// open joins the world of the launcher, or none for a command that starts ranks itself.
func open(args []string) (*launch.World, error) {
	if startsRanks(args) {
		return launch.OpenAlone()
	}
	return launch.Open(deadlineOf(args))
}

// deadlineOf reads --deadline ahead of the other flags: the world is there before
// they are understood, so that rank 0 alone speaks of a wrong one.
func deadlineOf(args []string) time.Duration {
	for i, arg := range args {
		name, value, assigned := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		if name != "deadline" || !strings.HasPrefix(arg, "-") {
			continue
		}
		if !assigned && i+1 < len(args) {
			value = args[i+1]
		}
		if d, err := time.ParseDuration(value); err == nil {
			return d
		}
	}
	return 0
}

// run is the program on one rank. Only rank 0 writes to stdout and stderr.
func run(ctx context.Context, world *launch.World, args []string, stdout, stderr io.Writer) error {
	if world.Rank() != 0 {
		stdout, stderr = io.Discard, io.Discard
	}
	out := &tracked{Writer: stdout}
	app := &cli.App{
		Name:      "capmoe",
		Usage:     "mixture-of-experts language models over MPI ranks, with capacity-aware dispatch",
		UsageText: "mpirun -n P capmoe COMMAND [flags]",
		Writer:    out, ErrWriter: stderr,
		HideVersion:    true,
		ExitErrHandler: func(*cli.Context, error) {},
		OnUsageError:   usage,
		Action:         unknownCommand,
		Commands:       commands(world, out, stderr),
	}
	prepare(app.Commands, false)
	if err := app.RunContext(ctx, unpadded(app.Commands, filesLast(app.Commands, args))); err != nil {
		return err
	}
	return collective.Agree(world.Comm(), out.fault())
}

// prepare gives every command what all of them have. One that starts ranks itself is
// alone: it has none that wait for each other.
func prepare(commands []*cli.Command, alone bool) {
	for _, c := range commands {
		alone := alone || startsRanks([]string{c.Name})
		c.OnUsageError = usage
		c.HideHelpCommand = true
		if c.Subcommands != nil {
			c.Action = unknownCommand
			prepare(c.Subcommands, alone)
			continue
		}
		c.Before = checkFiles
		if alone {
			continue
		}
		c.Before = checkCommon
		c.Flags = append(c.Flags, &cli.DurationFlag{Name: "deadline", Usage: "longest `TIME` that ranks may wait for each other in one operation", DefaultText: "10m"})
	}
}

func commands(w *launch.World, stdout, stderr io.Writer) []*cli.Command {
	t := terminal{world: w, stdout: stdout, stderr: stderr}
	return []*cli.Command{evalCommand(t), generateCommand(t), logitsCommand(t), planCommand(t), benchCommand(t), simulateCommand(t), traceCommand(t), tokenizeCommand(t), doctorCommand(t), launchCommand(t), studyCommand(t), reportCommand(t)}
}

// terminal is what a subcommand has of the process that runs it.
type terminal struct {
	world          *launch.World
	stdout, stderr io.Writer
}

// usage turns a fault of the command line into one line.
func usage(c *cli.Context, err error, isSubcommand bool) error {
	if isSubcommand {
		err = fmt.Errorf("%s: %w", nameOf(c), err)
	}
	return &launch.UsageError{Err: err}
}

func usagef(format string, args ...any) error {
	return &launch.UsageError{Err: fmt.Errorf(format, args...)}
}

// checkCommon faults on what no command takes.
func checkCommon(c *cli.Context) error {
	if c.Command.ArgsUsage == "" && c.Args().Present() {
		return usagef("%s: unexpected argument %q", nameOf(c), c.Args().First())
	}
	if d := c.Duration("deadline"); c.IsSet("deadline") && d <= 0 {
		return usagef("%s: --deadline %v, want more than 0", nameOf(c), d)
	}
	return checkFiles(c)
}

func unknownCommand(c *cli.Context) error {
	if c.Args().Present() {
		return usagef("unknown command %q, see %s --help", c.Args().First(), c.Command.HelpName)
	}
	if c.Command.Subcommands != nil {
		return cli.ShowSubcommandHelp(c)
	}
	return cli.ShowAppHelp(c)
}

// required faults unless every named flag is given.
func required(c *cli.Context, names ...string) error {
	var missing []error
	for _, name := range names {
		if c.String(name) == "" {
			missing = append(missing, fmt.Errorf("%s: flag --%s is required", nameOf(c), name))
		}
	}
	if len(missing) > 0 {
		return &launch.UsageError{Err: errors.Join(missing...)}
	}
	return nil
}
