package output

import (
	"io"

	"capmoe/launch"
)

// Answer runs a job and shows what it says of itself: to the file of --json for machines, none without a path, and, unless
// that is standard output (-), to people. The file is made before the work begins, so that one that cannot be written
// costs no work. All ranks call it.
func Answer[R any](world *launch.World, path string, stdout io.Writer, run func() (R, error), show func(R)) error {
	out, err := open(world, path, stdout)
	if err != nil {
		return err
	}
	defer out.discard()
	r, err := run()
	if err != nil {
		return err
	}
	if err := out.write(r); err != nil {
		return err
	}
	if path != "-" {
		show(r)
	}
	return nil
}
