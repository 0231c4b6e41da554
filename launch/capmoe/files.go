package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"capmoe/runtime"
	"capmoe/runtime/study"

	"github.com/urfave/cli/v2"
)

// written are the names of files that commands write; the others they read.
var written = []string{"OUT", "--out", "--output", "--json", "--timeline"}

// checkFiles faults on names of files that a command must not write.
func checkFiles(c *cli.Context) error {
	if err := wantPaths(c); err != nil {
		return err
	}
	return distinctFiles(c)
}

// wantPaths faults on files that are given without a name, such as a variable of a script that is not set: they would be
// neither read nor written. And on outputs, files and folders, that are named - like standard output. Who wants a file of
// that name says ./-.
func wantPaths(c *cli.Context) error {
	for _, f := range append(filesOf(c), [2]string{"--out", c.String("out")}) { // which may be a folder
		name, path := f[0], f[1]
		if flag, is := strings.CutPrefix(name, "--"); is && path == "" && c.IsSet(flag) {
			return usagef("%s: %s \"\": want a path", nameOf(c), name)
		}
		if path == "-" && name != "--json" && slices.Contains(written, name) {
			return usagef("%s: %s -: want a path: standard output is for --json alone", nameOf(c), name)
		}
	}
	return nil
}

// distinctFiles faults on a file that a command line names twice, by whatever paths, and the
// command would write: it would take the place of what is read, or of what else is written.
// So would one of the files of the model.
func distinctFiles(c *cli.Context) error {
	type named struct{ name, path string }
	var before []named
	for _, f := range filesOf(c) {
		name, path := f[0], f[1]
		if path == "" || path == "-" || isDevice(path) {
			continue
		}
		writes := slices.Contains(written, name)
		for _, other := range before {
			if (writes || slices.Contains(written, other.name)) && sameFile(path, other.path) {
				return usagef("%s: %s and %s are the same file %s", nameOf(c), other.name, name, filepath.Clean(path))
			}
		}
		if dir := c.String("model"); writes && dir != "" && isOfModel(dir, path) {
			return usagef("%s: %s %s is there, in the folder of --model %s: its files are not written over", nameOf(c), name, path, dir)
		}
		before = append(before, named{name, path})
	}
	return nil
}

// sameFile tells whether two paths lead to one file, which need not be there.
func sameFile(a, b string) bool {
	infoA, errA := os.Stat(a)
	infoB, errB := os.Stat(b)
	if errA == nil && errB == nil {
		return os.SameFile(infoA, infoB)
	}
	return errA != nil && errB != nil && filepath.Base(a) == filepath.Base(b) && (filepath.Dir(a) == filepath.Dir(b) || sameFile(filepath.Dir(a), filepath.Dir(b)))
}

// isOfModel tells whether a path leads to a file that is there and that a model in folder dir is read from.
func isOfModel(dir, path string) bool {
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() || !sameFile(dir, filepath.Dir(path)) {
		return false
	}
	return runtime.IsModelFile(filepath.Base(path))
}

// filesOf is the files of a command line: the name of the argument or flag, and the path.
func filesOf(c *cli.Context) (files [][2]string) {
	for i, name := range strings.Fields(c.Command.ArgsUsage) {
		files = append(files, [2]string{strings.Trim(name, "[]"), c.Args().Get(i)})
	}
	for _, flag := range c.Command.Flags {
		if f, ok := flag.(*cli.StringFlag); ok && f.TakesFile {
			files = append(files, [2]string{"--" + f.Name, c.String(f.Name)})
		}
	}
	return files
}

// isDevice tells what may be named twice, such as /dev/null.
func isDevice(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode()&os.ModeDevice != 0
}

// sparesStudy faults on a --json that would take the place of what a study keeps in its
// folder.
func sparesStudy(c *cli.Context, dir string) error {
	return spares(c, "study", filepath.Join(dir, study.RowsFile), filepath.Join(dir, study.DefinitionFile))
}

// spares faults on a --json that would take the place of a file of somebody's own.
func spares(c *cli.Context, whose string, files ...string) error {
	for _, own := range files {
		if path := c.String("json"); path != "" && sameFile(path, own) {
			return usagef("%s: --json %s is the %s's own file", nameOf(c), path, whose)
		}
	}
	return nil
}
