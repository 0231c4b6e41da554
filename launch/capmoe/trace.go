package main

import (
	"fmt"
	"strings"

	"capmoe/launch"
	"capmoe/runtime/trace"

	"github.com/urfave/cli/v2"
)

func traceCommand(t terminal) *cli.Command {
	return &cli.Command{
		Name:        "trace",
		Usage:       "routing traces: record, show, convert, replay",
		UsageText:   "capmoe trace COMMAND [flags]",
		Subcommands: []*cli.Command{traceRecordCommand(t), traceShowCommand(t), traceConvertCommand(t), traceReplayCommand(t)},
	}
}

// hintFlags are what some formats do not say.
func hintFlags() []cli.Flag {
	return []cli.Flag{
		&cli.IntFlag{Name: "topk", Usage: "`K` choices of a token, where the file does not say", DefaultText: "as the file says"},
		&cli.IntFlag{Name: "experts", Usage: "`E`, where the file does not say", DefaultText: "as the file says, or the largest id + 1"},
		&cli.StringFlag{Name: "set", Usage: "`NAME` of one of several counts in a file"},
	}
}

func hintsOf(c *cli.Context) (trace.Hints, error) {
	h := trace.Hints{TopK: c.Int("topk"), Experts: c.Int("experts"), Set: c.String("set")}
	if c.IsSet("topk") && h.TopK < 1 || c.IsSet("experts") && h.Experts < 1 {
		return h, usagef("%s: --topk %d, --experts %d, want 1 or more", nameOf(c), h.TopK, h.Experts)
	}
	return h, nil
}

// nameOf is how a command is called, as in trace show.
func nameOf(c *cli.Context) string { return strings.TrimPrefix(c.Command.HelpName, "capmoe ") }

// arguments are the files that a command names, as its ArgsUsage has them.
func arguments(c *cli.Context) ([]string, error) {
	names := strings.Fields(c.Command.ArgsUsage)
	args := c.Args().Slice()
	if len(args) != len(names) {
		return nil, usagef("%s: %d arguments, want %d: %s", nameOf(c), len(args), len(names), c.Command.ArgsUsage)
	}
	return args, nil
}

// recordings are the files that a command on one rank names, as its ArgsUsage has them, and what a recording does not say.
func recordings(c *cli.Context, t terminal) (files []string, hints trace.Hints, err error) {
	if files, err = arguments(c); err != nil {
		return nil, hints, err
	}
	if hints, err = hintsOf(c); err != nil {
		return nil, hints, err
	}
	return files, hints, onOneRank(c, t)
}

// onOneRank faults on a command under a launcher that has nothing for other ranks to do.
func onOneRank(c *cli.Context, t terminal) error {
	if n := t.world.Comm().Size(); n > 1 {
		return usagef("%s: runs on one rank, the launcher started %d", nameOf(c), n)
	}
	return nil
}

func usageError(err error) error {
	return &launch.UsageError{Err: err}
}

// describeTrace is one line about a recording.
func describeTrace(i trace.Info) string {
	scores := fmt.Sprintf("scores of the best %d", i.Recorded)
	switch {
	case i.Unscored:
		scores = "choices without scores"
	case i.Whole():
		scores = "all scores"
	}
	return fmt.Sprintf("%d layers, %d experts, top %d, %s", len(i.Layers), i.Experts, i.TopK, scores)
}
