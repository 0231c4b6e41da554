package main

import (
	"fmt"
	"os"
	"strings"

	"capmoe/runtime/durable"
)

// document is a Markdown file whose tables lie between marks:
//
//	<!-- table NAME -->
//	…
//	<!-- end -->
type document struct{ path, text string }

// end is the mark behind a table.
const end = "<!-- end -->"

func readDocument(path string) (*document, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("paper: document: %w", err)
	}
	return &document{path: path, text: string(text)}, nil
}

// check fails on a table that has no place, before there is one to put.
func (d *document) check(names []string) error {
	for _, name := range names {
		if err := d.put(name, d.table(name)); err != nil {
			return err
		}
	}
	return nil
}

// put puts a table in the place of the one between its marks.
func (d *document) put(name, table string) error {
	begin := fmt.Sprintf("<!-- table %s -->", name)
	before, rest, found := strings.Cut(d.text, begin)
	if !found {
		return fmt.Errorf("paper: document %s: 0 marks %s, want 1", d.path, begin)
	}
	if n := strings.Count(rest, begin); n > 0 {
		return fmt.Errorf("paper: document %s: %d marks %s, want 1", d.path, n+1, begin)
	}
	old, after, found := strings.Cut(rest, end)
	if !found || strings.Contains(old, "<!-- table ") {
		return fmt.Errorf("paper: document %s: no mark %s behind %s", d.path, end, begin)
	}
	d.text = before + begin + "\n" + strings.TrimSpace(table) + "\n" + end + after
	return nil
}

// table is what lies between the marks of a name; empty: there are none.
func (d *document) table(name string) string {
	_, rest, _ := strings.Cut(d.text, fmt.Sprintf("<!-- table %s -->", name))
	text, _, _ := strings.Cut(rest, end)
	return strings.TrimSpace(text)
}

// write puts the document on disk, whole or not at all.
func (d *document) write() error {
	file, err := durable.Create(d.path)
	if err != nil {
		return fmt.Errorf("paper: document %s: %w", d.path, err)
	}
	defer file.Discard()
	if _, err = file.WriteString(d.text); err == nil {
		err = file.Commit()
	}
	if err != nil {
		return fmt.Errorf("paper: document %s: %w", d.path, err)
	}
	return nil
}
