package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"capmoe/collective"
	"capmoe/runtime/durable"

	"github.com/urfave/cli/v2"
)

// jsonFlag is on every command that prints a table for people.
func jsonFlag() cli.Flag {
	return &cli.StringFlag{Name: "json", TakesFile: true, Usage: "write the same numbers to `FILE`, for machines; - is standard output"}
}

// jsonOutput is the file of --json on rank 0, made before the work begins, so that one
// that cannot be written costs no work. A nil jsonOutput writes nothing.
type jsonOutput struct {
	path string
	file *durable.File
	out  io.Writer
}

// openJSON starts the file of --json. All ranks call it; a fault of rank 0 fails on all.
func openJSON(c *cli.Context, t terminal) (*jsonOutput, error) {
	path := c.String("json")
	if path == "" {
		return nil, nil
	}
	o := &jsonOutput{path: path, out: t.stdout}
	var err error
	if path != "-" && t.world.Rank() == 0 {
		if o.file, err = durable.Create(path); err != nil {
			err = fmt.Errorf("--json %s: %w", path, withoutPath(err))
		}
		o.out = o.file
	}
	return o, collective.Agree(t.world.Comm(), err)
}

// answer runs a job and shows what it says of itself: to --json for machines and, unless
// that is standard output, to people. All ranks call it.
func answer[R any](c *cli.Context, t terminal, run func() (R, error), show func(R)) error {
	out, err := openJSON(c, t)
	if err != nil {
		return err
	}
	defer out.discard()
	r, err := run()
	if err != nil {
		return err
	}
	if err := out.write(t, r); err != nil {
		return err
	}
	if c.String("json") != "-" {
		show(r)
	}
	return nil
}

// write ends the file with a value. All ranks call it.
func (o *jsonOutput) write(t terminal, v any) error {
	if o == nil {
		return nil
	}
	var err error
	if t.world.Rank() == 0 {
		err = o.encode(v)
	}
	return collective.Agree(t.world.Comm(), err)
}

func (o *jsonOutput) encode(v any) error {
	text, err := json.MarshalIndent(v, "", " ")
	if err == nil {
		_, err = o.out.Write(append(text, '\n'))
	}
	if err == nil && o.file != nil {
		err = o.file.Commit()
	}
	if err != nil {
		return fmt.Errorf("--json %s: %w", o.path, withoutPath(err))
	}
	return nil
}

// withoutPath leaves out of a fault of the file system which file it is about: the
// caller says so, and by the name that the user knows.
func withoutPath(err error) error {
	if fault, ok := errors.AsType[*fs.PathError](err); ok {
		return fmt.Errorf("%s: %w", fault.Op, fault.Err)
	}
	return err
}

// discard removes a file that was not written.
func (o *jsonOutput) discard() {
	if o != nil && o.file != nil {
		o.file.Discard()
	}
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
	return fmt.Errorf("standard output: %w", withoutPath(w.err))
}
