package report

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"capmoe/runtime/study"
)

// rows is a study as it is read.
type rows struct {
	runs  []run    // one for each cell and repeat, in order of the file
	notes []string // what was odd, in sentences
}

// read reads the rows of a study's folder. A half last line, which a kill leaves, is
// left out with a note; anything else that is not a row is an error that names the line.
func read(dir string) (rows, error) {
	path := filepath.Join(dir, study.RowsFile)
	text, err := os.ReadFile(path)
	if err != nil {
		if fault, ok := errors.AsType[*fs.PathError](err); ok {
			err = fault.Err
		}
		return rows{}, fmt.Errorf("report: %s: %w", path, err)
	}
	r, err := parse(text)
	if err != nil {
		return rows{}, fmt.Errorf("report: %s: %w", path, err)
	}
	return r, nil
}

// parse understands the lines of rows.jsonl.
func parse(text []byte) (rows, error) {
	var r rows
	whole := text[:bytes.LastIndexByte(text, '\n')+1]
	if rest := len(text) - len(whole); rest > 0 {
		r.notes = append(r.notes, fmt.Sprintf("The last line of %s is cut short (%d bytes, no end of line) and left out: the study was stopped while it wrote, or is still running.", study.RowsFile, rest))
	}
	cells := map[string]study.Cell{}
	at := map[string]int{} // cell and repeat → place in runs
	again := 0
	for number, line := range bytes.Split(whole, []byte{'\n'}) {
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		row, err := understand(line)
		if err == nil {
			err = agree(cells, row.Cell)
		}
		if err != nil {
			return rows{}, fmt.Errorf("line %d: %w", number+1, err)
		}
		key := fmt.Sprintf("%s\x00%d", row.Cell.ID, row.Repeat)
		if i, seen := at[key]; seen {
			again++
			if row.result != nil || r.runs[i].result == nil {
				r.runs[i] = row
			}
			continue
		}
		at[key] = len(r.runs)
		r.runs = append(r.runs, row)
	}
	if len(r.runs) == 0 {
		return rows{}, fmt.Errorf("%d bytes and no row: run the study first", len(text))
	}
	if again > 0 {
		r.notes = append(r.notes, fmt.Sprintf("%s run more than once for the same cell and repeat: the last that did not fail counts.", count(again, "row was", "rows were")))
	}
	return r, nil
}

// agree faults on a cell that another row describes otherwise: rows of two studies.
func agree(cells map[string]study.Cell, c study.Cell) error {
	first, seen := cells[c.ID]
	if !seen {
		cells[c.ID] = c
		return nil
	}
	if a, b := describe(first), describe(c); a != b {
		return fmt.Errorf("cell %s is %s, an earlier row says %s: rows of two studies in one file", c.ID, b, a)
	}
	return nil
}

// describe lists the axes of a cell.
func describe(c study.Cell) string {
	return fmt.Sprintf("{%s, %d ranks, %s, γ %s, scope %s, %s, placement %s, %s%s, %s, %s, %d tokens a step}", c.Scaling, c.Ranks, c.System,
		factor(c.Gamma), c.Scope, c.Dispatch, c.Placement, c.Model, c.Shape, c.Workload, c.DType, c.Tokens)
}

func factor(gamma *float64) string {
	if gamma == nil {
		return "none"
	}
	return fmt.Sprintf("%g", *gamma)
}

// count is a number with its noun.
func count(n int, one, many string) string {
	return fmt.Sprintf("%d %s", n, plural(n, one, many))
}

// plural is a word for so many.
func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// list is words with commas, and an and.
func list(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
