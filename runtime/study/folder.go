package study

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"capmoe/runtime/durable"
)

// The files of a folder.
const (
	DefinitionFile = "study.json" // the resolved Definition
	RowsFile       = "rows.jsonl" // a Row a line
)

// Folder is a study on disk, open for one process at a time.
type Folder struct {
	dir   string
	rows  *durable.Lines
	ended map[key]ending
	last  string // commit of the last row
}

// key is which run a row is of.
type key struct {
	cell   string
	repeat int
}

// ending is how a run has ended: not at all, well, or with a failure.
type ending struct {
	done    bool
	failure string
}

// OpenFolder opens the folder of a study, or makes it. A folder of another study, or
// one that another process is at work in, is an error; nothing in it changes then. A
// row that a kill has cut short is gone.
func OpenFolder(dir string, d Definition) (*Folder, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, fmt.Errorf("study: %w", err)
	}
	f := &Folder{dir: dir, ended: map[key]ending{}}
	if err := f.compare(d); err != nil {
		return nil, err
	}
	rows, held, err := durable.OpenLines(f.path(RowsFile), false)
	if errors.Is(err, durable.ErrLocked) {
		return nil, fmt.Errorf("study: %s: another process is running this study: %s is locked", dir, RowsFile)
	} else if err != nil {
		return nil, f.fault(RowsFile, err)
	}
	f.rows = rows
	if err := errors.Join(f.compare(d), f.read(held), f.define(d)); err != nil {
		rows.Close()
		return nil, err
	}
	return f, nil
}

// define writes the definition where there is none yet.
func (f *Folder) define(d Definition) error {
	if _, err := os.Stat(f.path(DefinitionFile)); err == nil {
		return nil
	}
	file, err := durable.Create(f.path(DefinitionFile))
	if err != nil {
		return f.fault(DefinitionFile, err)
	}
	defer file.Discard()
	text, err := json.MarshalIndent(d, "", " ")
	if err == nil {
		_, err = file.Write(append(text, '\n'))
	}
	if err == nil {
		err = file.Commit()
	}
	if err != nil {
		return f.fault(DefinitionFile, err)
	}
	return nil
}

// Append adds the row of a run that has ended. When it returns nil the row is on disk.
func (f *Folder) Append(r Row) error {
	line, err := json.Marshal(r)
	if err == nil {
		err = f.rows.Append(append(line, '\n'))
	}
	if err != nil {
		return fmt.Errorf("%w; the %d rows before are kept", f.fault(RowsFile, err), len(f.ended))
	}
	f.note(r)
	return nil
}

// note remembers how a run has ended.
func (f *Folder) note(r Row) {
	f.ended[key{r.Cell.ID, r.Repeat}] = ending{done: true, failure: r.Failure}
	f.last = r.Environment.Commit
}

// Close ends the adding.
func (f *Folder) Close() error { return f.rows.Close() }

func (f *Folder) path(name string) string { return filepath.Join(f.dir, name) }

// fault names the file of an error, once.
func (f *Folder) fault(name string, err error) error {
	if at, ok := errors.AsType[*fs.PathError](err); ok {
		err = fmt.Errorf("%s: %w", at.Op, at.Err)
	}
	return fmt.Errorf("study: %s: %w", f.path(name), err)
}
