package main

import (
	"fmt"
	"io"

	"capmoe/launch/output"

	"github.com/urfave/cli/v2"
)

// jsonFlag is on every command that prints a table for people.
func jsonFlag() cli.Flag {
	return &cli.StringFlag{Name: "json", TakesFile: true, Usage: "write the same numbers to `FILE`, for machines; - is standard output"}
}

// answer runs a job and shows what it says of itself, as --json says. All ranks call it.
func answer[R any](c *cli.Context, t terminal, run func() (R, error), show func(R)) error {
	return output.Answer(t.world, c.String("json"), t.stdout, run, show)
}

// tracked is a writer that remembers its first fault, which those who print tables and
// help do not look at.
type tracked struct {
	io.Writer
	err error
}

func (w *tracked) Write(p []byte) (int, error) {
	n, err := w.Writer.Write(p)
	if w.err == nil {
		w.err = err
	}
	return n, err
}

// fault is what went wrong with standard output, if anything did.
func (w *tracked) fault() error {
	if w.err == nil {
		return nil
	}
	return fmt.Errorf("standard output: %w", output.WithoutPath(w.err))
}
