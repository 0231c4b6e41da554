package study

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// compare reports a definition in the folder that is not d: the first field that
// differs, with both values. A folder without one holds no rows either.
func (f *Folder) compare(d Definition) error {
	text, err := os.ReadFile(f.path(DefinitionFile))
	if errors.Is(err, fs.ErrNotExist) {
		if info, err := os.Stat(f.path(RowsFile)); err == nil && info.Mode().IsRegular() && info.Size() > 0 {
			return fmt.Errorf("study: %s: %s has %d bytes, but there is no %s to say of which study", f.dir, RowsFile, info.Size(), DefinitionFile)
		}
		return nil
	} else if err != nil {
		return f.fault(DefinitionFile, err)
	}
	var there, here map[string]json.RawMessage
	if err := json.Unmarshal(text, &there); err != nil {
		return f.fault(DefinitionFile, err)
	}
	mine, err := json.Marshal(d)
	if err != nil {
		return f.fault(DefinitionFile, err)
	}
	json.Unmarshal(mine, &here)
	for _, field := range Fields() {
		if a, b := compact(there[field]), compact(here[field]); field != "timeout" && a != b {
			return fmt.Errorf("study: %s holds another study: %s is %s there, %s here; give this one a folder of its own", f.dir, field, a, b)
		}
	}
	return nil
}

// compact is a JSON value without blanks; one that is not there is null.
func compact(v json.RawMessage) string {
	var b bytes.Buffer
	if json.Compact(&b, v) != nil {
		return "null"
	}
	return b.String()
}

// read takes in the rows that are there.
func (f *Folder) read(held []byte) error {
	number := 0
	for line := range bytes.Lines(held) {
		number++
		var row Row
		if err := json.Unmarshal(line, &row); err != nil {
			return fmt.Errorf("study: %s:%d: %w", f.path(RowsFile), number, err)
		}
		if row.Cell.ID == "" {
			return fmt.Errorf("study: %s:%d: the row has no cell.id", f.path(RowsFile), number)
		}
		f.note(row)
	}
	return nil
}

// Left are the runs that have no row yet, in their order; with failed, also those whose
// last row is a failure.
func (f *Folder) Left(runs []Run, failed bool) []Run {
	var left []Run
	for _, r := range runs {
		if e := f.ended[key{r.Cell.ID, r.Repeat}]; !e.done || failed && e.failure != "" {
			left = append(left, r)
		}
	}
	return left
}

// Failures are those of the runs whose last row is a failure, in their order.
func (f *Folder) Failures(runs []Run) []Failure {
	var failures []Failure
	for _, r := range runs {
		if e := f.ended[key{r.Cell.ID, r.Repeat}]; e.failure != "" {
			failures = append(failures, Failure{Run: r, Reason: e.failure})
		}
	}
	return failures
}

// Failure is a run that failed.
type Failure struct {
	Run
	Reason string
}

// LastCommit is the commit of the last row, empty without rows.
func (f *Folder) LastCommit() string { return f.last }
