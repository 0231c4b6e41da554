package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"capmoe/runtime/study"
	"capmoe/runtime/study/report"
)

// part is a table of what is timed: a study of one model or shape and one workload.
type part struct {
	name     string
	file     string // of the study
	workload string // trace:PATH#SET below the data folder; empty: the study's own
}

// domains is the recorded counts of OLMoE and Mixtral by text domain.
const domains = "data/traces/olmoe-mixtral-domain-counts/expert_counts.json"

var parts = []part{
	{"tiny-olmoe", "tiny.yaml", ""},
	{"olmoe-github", "olmoe.yaml", domains + "#olmoe/expert_counts/github"},
	{"olmoe-c4", "olmoe.yaml", domains + "#olmoe/expert_counts/c4"},
	{"mixtral-github", "mixtral.yaml", domains + "#mistral/expert_counts/github"},
	{"gpt-oss-20b", "gpt-oss.yaml", "data/traces/gpt-oss-20b"},
}

// measured is the outcome of a part: the cells of its study, in order.
type measured struct {
	part
	missing string // why there are none
	command string // that the cells are from
	stood   string // on what
	cells   []cell
}

// find is the cell of a system; nil: there is none.
func (m measured) find(system string, gamma float64, ranks int) *cell {
	i := slices.IndexFunc(m.cells, func(c cell) bool { return c.system == system && c.gamma == gamma && c.ranks == ranks })
	if i < 0 {
		return nil
	}
	return &m.cells[i]
}

// measure runs what is left of the part's study, and reads its report.
func (p part) measure(ctx context.Context, o options, stderr io.Writer) (measured, error) {
	m := measured{part: p}
	args := []string{"study", "run", filepath.Join(o.studies, p.file), "--out", filepath.Join(o.rows, p.name)}
	m.command = "capmoe " + strings.Join(args, " ")
	if p.workload != "" {
		if m.missing = absent(o.data, p.workload); m.missing != "" {
			fmt.Fprintf(stderr, "%s: %s\n", p.name, m.missing)
			return m, nil
		}
		m.command += " --workloads trace:$CAPMOE_DATA/" + p.workload
		args = append(args, "--workloads", "trace:"+filepath.Join(o.data, p.workload))
	}
	fmt.Fprintf(stderr, "%s: %s\n", p.name, m.command)
	if err := execute(ctx, o.capmoe, args, stderr); err != nil {
		return m, fmt.Errorf("paper: %s: capmoe study run: %w", p.name, err)
	}
	r, err := report.New(filepath.Join(o.rows, p.name))
	if err != nil {
		return m, fmt.Errorf("paper: %s: %w", p.name, err)
	}
	m.stood, m.cells = stood(r), cellsOf(r.Record())
	return m, nil
}

// absent says why a recording below the data folder cannot be read; empty: it is there.
func absent(data, recording string) string {
	path, _ := study.Recording(recording)
	if data == "" {
		return fmt.Sprintf("not made: it needs `%s` of the folder `CAPMOE_DATA`, which was not given", path)
	}
	if _, err := os.Stat(filepath.Join(data, path)); errors.Is(err, fs.ErrNotExist) {
		return fmt.Sprintf("not made: there is no `%s` in the folder `CAPMOE_DATA`", path)
	}
	return ""
}

// patience is how long a study that was asked to end may take to end its ranks.
const patience = 20 * time.Second

// execute runs a study. It has a process group of its own, so that a Ctrl-C reaches it
// once, from here.
func execute(ctx context.Context, program string, args []string, stderr io.Writer) error {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Stdout, cmd.Stderr = stderr, stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = patience
	err := cmd.Run()
	if ctx.Err() != nil {
		return errors.New("interrupted: the same command goes on")
	}
	return err
}
