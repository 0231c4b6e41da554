package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"capmoe/launch"
	"capmoe/launch/output"
	"capmoe/runtime/study"

	"github.com/urfave/cli/v2"
)

func studyCommand(t terminal) *cli.Command {
	return &cli.Command{
		Name:        "study",
		Usage:       "run a grid over ranks, systems and factors, and keep every run",
		UsageText:   "capmoe study run [STUDY.yaml] --out DIR [flags]",
		Subcommands: []*cli.Command{studyRunCommand(t)},
	}
}

func studyRunCommand(t terminal) *cli.Command {
	return &cli.Command{
		Name:      "run",
		Usage:     "run what is left of a study; the same command goes on after a kill",
		UsageText: "capmoe study run [STUDY.yaml] --out DIR [flags]",
		ArgsUsage: "[STUDY.yaml]",
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "out", Usage: "`DIR` of the rows: study.json and rows.jsonl"},
			&cli.BoolFlag{Name: "dry-run", Usage: "list cells and commands, run nothing"},
			&cli.BoolFlag{Name: "retry-failed", Usage: "run again what failed"},
			jsonFlag(),
		}, studyFlags()...),
		Action: func(c *cli.Context) error { return runStudy(c, t) },
	}
}

func runStudy(c *cli.Context, t terminal) error {
	if c.String("out") == "" && !c.Bool("dry-run") {
		return usagef("study run: flag --out is required: the folder that keeps the rows")
	}
	d, err := definitionOf(c)
	if err != nil {
		return err
	}
	e, err := newExecutor(d)
	if err != nil {
		return err
	}
	if c.Bool("dry-run") {
		noEffect(c, "with --dry-run", "json")
		return e.list(t.stdout)
	}
	if err := e.check(); err != nil {
		return err
	}
	if err := sparesStudy(c, c.String("out")); err != nil {
		return err
	}
	var failures []study.Failure
	run := func() (studySummary, error) {
		folder, err := study.OpenFolder(c.String("out"), d)
		if err != nil {
			return studySummary{}, err
		}
		defer folder.Close()
		failures, err = conduct(c, t, folder, e)
		return studySummary{Out: c.String("out"), Runs: len(e.runs), Failed: len(failures)}, err
	}
	show := func(s studySummary) {
		if s.Failed == 0 {
			fmt.Fprintf(t.stdout, "%d runs of %d cells in %s\n", s.Runs, s.Runs/d.Repeats, s.Out)
		}
	}
	if err := answer(c, t, run, show); err != nil || len(failures) == 0 {
		return err
	}
	f := failures[0]
	return fmt.Errorf("study: %d of %d runs failed, the first is %s, repeat %d: %s; --retry-failed runs them again", len(failures), len(e.runs), f.Cell.ID, f.Repeat, f.Reason)
}

// definitionOf puts the study together: the defaults, the file over them, the flags
// over that. A fault is told where it is: a line of the file, or a flag.
func definitionOf(c *cli.Context) (study.Definition, error) {
	file := &study.File{Definition: study.Default()}
	if c.Args().Len() > 1 {
		return file.Definition, usagef("study run: %d files, want one at most", c.Args().Len())
	}
	if name := c.Args().First(); name != "" {
		text, err := os.ReadFile(name)
		if err != nil {
			return file.Definition, fmt.Errorf("study: %s: %w", name, output.WithoutPath(err))
		}
		if file, err = study.Decode(name, text); err != nil {
			return study.Definition{}, err
		}
	}
	d := file.Definition
	overlay(c, &d)
	var told []error
	wrong := false
	for _, fault := range d.Validate() {
		if file.Has(fault.Field) && !c.IsSet(fault.Field) {
			told = append(told, file.Place(fault))
		} else {
			told, wrong = append(told, fmt.Errorf("study run: --%w", fault)), true
		}
	}
	err := errors.Join(told...)
	if wrong {
		err = &launch.UsageError{Err: err}
	}
	return d, err
}

// conduct runs what is left and tells the runs that failed.
func conduct(c *cli.Context, t terminal, folder *study.Folder, e *executor) ([]study.Failure, error) {
	ctx, stop := untilSignal(c.Context)
	defer stop()
	if last := folder.LastCommit(); last != "" && last != e.environment.Commit {
		fmt.Fprintf(t.stderr, "capmoe: study: the rows in %s are of commit %s, this program is of %s\n", c.String("out"), last, e.environment.Commit)
	}
	show := newStudyProgress(t.stderr)
	err := folder.Conduct(ctx, e.runs, c.Bool("retry-failed"), e.execute, show.update)
	show.end()
	left := len(folder.Left(e.runs, false))
	switch {
	case errors.Is(err, context.Canceled):
		return nil, fmt.Errorf("study: interrupted, %d of %d runs are in %s: the same command goes on", len(e.runs)-left, len(e.runs), c.String("out"))
	case err != nil:
		return nil, fmt.Errorf("%w: %d of %d runs are in %s, the same command goes on", err, len(e.runs)-left, len(e.runs), c.String("out"))
	}
	return folder.Failures(e.runs), nil
}

// studySummary is what --json says of a study that has been run to its end.
type studySummary struct {
	Out    string `json:"out"`
	Runs   int    `json:"runs"`
	Failed int    `json:"failed"`
}
