package report

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"capmoe/runtime/study/figure"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// Table is numbers with names, for people and for machines.
type Table struct {
	Name    string // of its files
	Title   string
	Note    string // what to know to read it
	Columns []Column
	Rows    [][]any // [rows, columns] of string, int, float64, figure.Span, or nil: not known
}

// Column is a column of a Table.
type Column struct {
	Name  string // for machines; with _min and _max beside it if Span
	Label string // for people
	Verb  string // shows a number to people, such as %.3f
	Span  bool   // its values are figure.Span
}

func (t *Table) add(values ...any) { t.Rows = append(t.Rows, values) }

// trim leaves out columns of which nothing is known.
func (t *Table) trim() {
	for i := len(t.Columns) - 1; i >= 0; i-- {
		if len(t.Rows) == 0 || slices.ContainsFunc(t.Rows, func(row []any) bool { return row[i] != nil }) {
			continue
		}
		t.Columns = slices.Delete(t.Columns, i, i+1)
		for j := range t.Rows {
			t.Rows[j] = slices.Delete(t.Rows[j], i, i+1)
		}
	}
}

// CSV is every number in full.
func (t *Table) CSV() []byte {
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	var header []string
	for _, c := range t.Columns {
		header = append(header, c.Name)
		if c.Span {
			header = append(header, c.Name+"_min", c.Name+"_max")
		}
	}
	w.Write(header)
	for _, row := range t.Rows {
		var line []string
		for i, v := range row {
			line = append(line, full(v)...)
			if v == nil && t.Columns[i].Span {
				line = append(line, "", "")
			}
		}
		w.Write(line)
	}
	w.Flush()
	return out.Bytes()
}

// full is a value with all its digits: three numbers of a span.
func full(v any) []string {
	digits := func(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
	switch v := v.(type) {
	case nil:
		return []string{""}
	case float64:
		return []string{digits(v)}
	case figure.Span:
		return []string{digits(v.Mid), digits(v.Low), digits(v.High)}
	}
	return []string{fmt.Sprint(v)}
}

// show is a value for people.
func (c Column) show(v any) string {
	switch v := v.(type) {
	case nil:
		return "–"
	case float64:
		return fmt.Sprintf(c.Verb, v)
	case figure.Span:
		mid, low, high := fmt.Sprintf(c.Verb, v.Mid), fmt.Sprintf(c.Verb, v.Low), fmt.Sprintf(c.Verb, v.High)
		if low == high {
			return mid
		}
		return fmt.Sprintf("%s (%s–%s)", mid, strings.TrimRight(low, "×"), strings.TrimRight(high, "×"))
	}
	return fmt.Sprint(v)
}

// number tells whether a column is shown as one.
func (c Column) number() bool { return c.Verb != "" }

// Write fills a table of go-pretty.
func (t *Table) Write(w table.Writer) {
	header, configs := table.Row{}, []table.ColumnConfig{}
	for i, c := range t.Columns {
		header = append(header, c.Label)
		if c.number() {
			configs = append(configs, table.ColumnConfig{Number: i + 1, Align: text.AlignRight, AlignHeader: text.AlignRight})
		}
	}
	w.AppendHeader(header)
	w.SetColumnConfigs(configs)
	for _, row := range t.Rows {
		line := table.Row{}
		for i, v := range row {
			line = append(line, t.Columns[i].show(v))
		}
		w.AppendRow(line)
	}
}

// Markdown is the table for people.
func (t *Table) Markdown() []byte {
	w := table.NewWriter()
	t.Write(w)
	var out strings.Builder
	fmt.Fprintf(&out, "# %s\n\n%s\n", t.Title, w.RenderMarkdown())
	if t.Note != "" {
		fmt.Fprintf(&out, "\n%s\n", t.Note)
	}
	return []byte(out.String())
}
