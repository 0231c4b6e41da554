package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"capmoe/runtime/study"

	"github.com/urfave/cli/v2"
)

// written are the names of files that commands write; the others they read.
var written = []string{"OUT", "--out", "--output", "--json", "--timeline"}

// distinctFiles faults on a file that a command line names twice and the command would
// write: it would take the place of what is read, or of what else is written.
func distinctFiles(c *cli.Context) error {
	named := map[string]string{}
	for _, f := range filesOf(c) {
		name, path := f[0], filepath.Clean(f[1])
		if f[1] == "" || path == "-" || isDevice(path) {
			continue
		}
		other, twice := named[path]
		if twice && (slices.Contains(written, name) || slices.Contains(written, other)) {
			return usagef("%s: %s and %s are the same file %s", nameOf(c), other, name, path)
		}
		named[path] = name
	}
	return nil
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
	for _, name := range []string{study.RowsFile, study.DefinitionFile} {
		if path := c.String("json"); path != "" && filepath.Clean(path) == filepath.Join(dir, name) {
			return usagef("%s: --json %s is the study's own file", nameOf(c), path)
		}
	}
	return nil
}
