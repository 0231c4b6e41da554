package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	goruntime "runtime"
	"strings"
	"time"

	"capmoe/collective"
	"capmoe/launch"
	"capmoe/launch/output"
	"capmoe/runtime/study"
)

// executor runs the cells of a study, each under a launcher of its own.
type executor struct {
	definition  study.Definition
	runs        []study.Run
	program     string // this one
	environment study.Environment
}

func newExecutor(d study.Definition) (*executor, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("study: %w", err)
	}
	m := launch.ThisMachine()
	e := &executor{definition: d, runs: d.Runs(), program: program}
	e.environment = study.Environment{
		Commit: launch.Commit(), Host: m.Host, CPU: m.CPU, Cores: m.Cores, MPI: collective.Version(), Go: goruntime.Version(),
		StudyFlags: os.Args[1:],
	}
	return e, nil
}

// plan is the launcher's command line of a cell.
func (e *executor) plan(c study.Cell) (*launch.Plan, error) {
	d := e.definition
	return launch.Job{
		Launcher: d.Launcher, Ranks: c.Ranks, Hostfile: d.Hostfile, MapBy: d.MapBy, BindTo: d.BindTo, Threads: d.Threads, Timeout: d.Timeout,
		Command: append([]string{e.program}, cellArguments(d, c)...),
	}.Plan()
}

// check reports what would fail every run: a launcher, a model or a workload that is
// not there.
func (e *executor) check() error {
	for _, c := range e.definition.Cells() {
		plan, err := e.plan(c)
		if err == nil {
			err = plan.Find()
		}
		if err != nil {
			return err
		}
	}
	var faults []error
	for _, path := range e.paths() {
		if _, err := os.Stat(path); err != nil {
			faults = append(faults, fmt.Errorf("study: %s: %w", path, output.WithoutPath(err)))
		}
	}
	return errors.Join(faults...)
}

// paths are the files and folders that the study reads, each once.
func (e *executor) paths() []string {
	var paths []string
	seen := map[string]bool{"": true}
	for _, c := range e.definition.Cells() {
		kind, what, _ := strings.Cut(c.Workload, ":")
		switch kind {
		case study.Synthetic:
			what = ""
		case study.Trace:
			what, _ = study.Recording(what)
		}
		for _, path := range []string{c.Model, what} {
			if !seen[path] {
				seen[path] = true
				paths = append(paths, path)
			}
		}
	}
	return paths
}

// execute runs a cell once.
func (e *executor) execute(ctx context.Context, r study.Run) (study.Row, error) {
	row := study.Row{Environment: e.environment, Started: time.Now()}
	plan, err := e.plan(r.Cell)
	if err != nil {
		return row, err
	}
	row.Command, row.Environment.Crowded = plan.Argv, plan.Crowded
	row.Environment.Flags = cellArguments(e.definition, r.Cell)
	stdout := &bounded{most: mostResult}
	err = plan.Run(ctx, launch.Streams{Stdout: stdout})
	row.Elapsed = time.Since(row.Started).Round(time.Microsecond).Seconds()
	if ctx.Err() != nil {
		return row, ctx.Err()
	}
	if err == nil {
		err = e.take(&row, r.Cell, stdout)
	}
	if err != nil {
		row.Failure = strings.ReplaceAll(err.Error(), "\n", "; ")
	}
	return row, nil
}

// list prints the cells and their commands.
func (e *executor) list(w io.Writer) error {
	cells := e.definition.Cells()
	for _, c := range cells {
		plan, err := e.plan(c)
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "%s\n  %s\n", c.ID, strings.Join(plan.Argv, " "))
	}
	fmt.Fprintf(w, "%d cells, %d runs\n", len(cells), len(e.runs))
	return nil
}
