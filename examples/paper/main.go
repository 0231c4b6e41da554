// Command paper remakes the table of "Capacity-Aware Inference" (arXiv 2503.05066) on what
// can run here: quality and speed of the mixture under Token Drop, Token Reroute and
// Expanded Drop against γ. It prints its tables and writes them between the marks of
// docs/paper.md.
//
//	bin/paper --data "$CAPMOE_DATA"
//
//	main.go      flags, and the order of things
//	part.go      what is timed: studies, run by capmoe study run; cell.go: their outcome
//	recording.go recorded routing; plan.go: its plans on more ranks than there are cores
//	claims.go    the paper's own figures, beside those from here
//	tables.go    the tables
//	document.go  the marks in the document
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"capmoe/launch"
)

func main() {
	world, err := launch.OpenAlone()
	if err != nil {
		fmt.Fprintln(os.Stderr, "paper:", err)
		os.Exit(launch.ExitUsage)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	o, err := parse(os.Args[1:])
	if err == nil {
		err = run(ctx, o, os.Stdout, os.Stderr)
	}
	os.Exit(world.Close(err, os.Stderr))
}

// options are the program's flags.
type options struct {
	data     string // folder of recorded routing; empty: there is none
	rows     string // folder of the studies' folders
	document string
	studies  string // folder of the studies' files
	capmoe   string // the program that runs them
}

func parse(args []string) (options, error) {
	var o options
	flags := flag.NewFlagSet("paper", flag.ContinueOnError)
	flags.StringVar(&o.data, "data", "", "folder `DIR` that holds data/traces; tables that need it say so where it is missing")
	flags.StringVar(&o.rows, "rows", "bin/paper-rows", "keep the rows of the studies in `DIR`; the same command goes on after a kill")
	flags.StringVar(&o.document, "document", "docs/paper.md", "write the tables into `FILE`")
	flags.StringVar(&o.studies, "studies", "examples/paper", "read the studies from `DIR`")
	flags.StringVar(&o.capmoe, "capmoe", "", "run studies with `FILE`; beside this program if not given")
	if err := launch.ParseFlags(flags, args); err != nil {
		return o, fmt.Errorf("paper: %w", err)
	}
	if o.capmoe == "" {
		program, err := os.Executable()
		if err != nil {
			return o, fmt.Errorf("paper: %w", err)
		}
		o.capmoe = filepath.Join(filepath.Dir(program), "capmoe")
	}
	return o, nil
}

func run(ctx context.Context, o options, stdout, stderr io.Writer) error {
	doc, err := readDocument(o.document)
	if err != nil {
		return err
	}
	if err := doc.check(names()); err != nil {
		return err
	}
	var timed []measured
	for _, p := range parts {
		m, err := p.measure(ctx, o, stderr)
		if err != nil {
			return err
		}
		timed = append(timed, m)
	}
	planned, err := planRecordings(ctx, o, stderr)
	if err != nil {
		return err
	}
	for _, table := range tables(timed, planned) {
		fmt.Fprintf(stdout, "%s\n\n%s\n\n", table.name, strings.TrimSpace(table.text))
		if err := doc.put(table.name, table.text); err != nil {
			return err
		}
	}
	return doc.write()
}
