package output

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"capmoe/collective"
	"capmoe/launch"
	"capmoe/runtime/durable"
)

// jsonFile is the file of --json on rank 0. A nil jsonFile writes nothing.
type jsonFile struct {
	world *launch.World
	path  string
	file  *durable.File
	out   io.Writer
}

// open starts the file. All ranks call it; a fault of rank 0 fails on all.
func open(world *launch.World, path string, stdout io.Writer) (*jsonFile, error) {
	if path == "" {
		return nil, nil
	}
	o := &jsonFile{world: world, path: path, out: stdout}
	var err error
	if path != "-" && world.Rank() == 0 {
		if o.file, err = durable.Create(path); err != nil {
			err = fmt.Errorf("--json %s: %w", path, WithoutPath(err))
		}
		o.out = o.file
	}
	return o, collective.Agree(world.Comm(), err)
}

// write ends the file with a value. All ranks call it.
func (o *jsonFile) write(v any) error {
	if o == nil {
		return nil
	}
	var err error
	if o.world.Rank() == 0 {
		err = o.encode(v)
	}
	return collective.Agree(o.world.Comm(), err)
}

func (o *jsonFile) encode(v any) error {
	text, err := json.MarshalIndent(v, "", " ")
	if err == nil {
		_, err = o.out.Write(append(text, '\n'))
	}
	if err == nil && o.file != nil {
		err = o.file.Commit()
	}
	if err != nil {
		return fmt.Errorf("--json %s: %w", o.path, WithoutPath(err))
	}
	return nil
}

// discard removes a file that was not written.
func (o *jsonFile) discard() {
	if o != nil && o.file != nil {
		o.file.Discard()
	}
}

// WithoutPath leaves out of a fault of the file system which file it is about: the
// caller says so, and by the name that the user knows.
func WithoutPath(err error) error {
	if fault, ok := errors.AsType[*fs.PathError](err); ok {
		return fmt.Errorf("%s: %w", fault.Op, fault.Err)
	}
	return err
}
