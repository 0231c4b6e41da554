package main

import (
	"fmt"
	"path/filepath"

	"capmoe/launch/output"
	"capmoe/runtime/study/report"

	"github.com/urfave/cli/v2"
)

func reportCommand(t terminal) *cli.Command {
	return &cli.Command{
		Name:      "report",
		Usage:     "make a study's report: one HTML file, figures, tables",
		UsageText: "capmoe report DIR [flags]",
		ArgsUsage: "DIR",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "out", Usage: "write to `DIR2`", DefaultText: "DIR"},
			jsonFlag(),
		},
		Action: func(c *cli.Context) error { return runReport(c, t) },
	}
}

func runReport(c *cli.Context, t terminal) error {
	args, err := arguments(c)
	if err != nil {
		return err
	}
	dir, to := args[0], args[0]
	if c.String("out") != "" {
		to = c.String("out")
	}
	if err := onOneRank(c, t); err != nil {
		return err
	}
	if err := sparesStudy(c, dir); err != nil {
		return err
	}
	page := filepath.Join(to, report.Page)
	if err := spares(c, "report", page); err != nil {
		return err
	}
	var r *report.Report
	run := func() (report.Record, error) {
		var err error
		if r, err = report.New(dir); err != nil {
			return report.Record{}, err
		}
		return r.Record(), r.Write(to)
	}
	return answer(c, t, run, func(report.Record) { printStudyReport(t, r, page) })
}

func printStudyReport(t terminal, r *report.Report, page string) {
	fmt.Fprintln(t.stdout, r.Title)
	for _, p := range r.Summary {
		if p.Heading != "" {
			fmt.Fprintf(t.stdout, "\n%s\n", p.Heading)
		}
		for _, sentence := range p.Sentences {
			fmt.Fprintf(t.stdout, "  %s\n", sentence)
		}
	}
	for _, s := range r.Sections {
		if len(s.Headline.Rows) == 0 {
			continue
		}
		fmt.Fprintf(t.stdout, "\n%s, %s\n", s.Title, s.Headline.Title)
		tab := output.NewTable(t.stdout)
		s.Headline.Write(tab)
		tab.Render()
	}
	if len(r.Caveats) > 0 {
		fmt.Fprintln(t.stdout, "\nRead with care")
		for _, sentence := range r.Caveats {
			fmt.Fprintf(t.stdout, "  %s\n", sentence)
		}
	}
	fmt.Fprintf(t.stdout, "\nreport: %s\n", page)
}
