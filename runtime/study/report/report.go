package report

import (
	"fmt"
	"path/filepath"
	"slices"
)

// Report is a study for people.
type Report struct {
	Title      string
	Highlights []Highlight
	Summary    []Paragraph
	Caveats    []string
	Sections   []Section
	Tables     []Table // that belong to no section
}

// Section is a setting: figures and tables whose numbers may be compared.
type Section struct {
	Prefix   string // of its files; empty where there is only one
	Title    string
	Headline Table
	Figures  []Figure
	Tables   []Table
}

// New reads the rows of a study's folder and makes its report.
func New(dir string) (*Report, error) {
	r, err := read(dir)
	if err != nil {
		return nil, err
	}
	return compose(nameOf(dir), r), nil
}

// nameOf is the name of a folder, wherever one stands.
func nameOf(dir string) string {
	if whole, err := filepath.Abs(dir); err == nil {
		dir = whole
	}
	return filepath.Base(dir)
}

// compose makes the report of rows.
func compose(name string, r rows) *Report {
	settings := gather(r.runs)
	rep := &Report{
		Title:   "Capacity study: " + name,
		Summary: []Paragraph{{Sentences: []string{ran(r.runs, settings)}}},
		Caveats: caveats(r, settings),
	}
	for i, s := range settings {
		words, highlights := s.summary()
		if len(settings) == 1 {
			words.Heading = ""
		}
		if i == 0 {
			rep.Highlights = highlights
		}
		rep.Summary = append(rep.Summary, words)
		section := s.section()
		if len(settings) > 1 {
			section.Prefix = fmt.Sprintf("%d-", i+1)
		}
		rep.Sections = append(rep.Sections, section)
	}
	if t := failureTable(r.runs); len(t.Rows) > 0 {
		rep.Tables = append(rep.Tables, t)
	}
	rep.Tables = append(rep.Tables, environmentTable(r.runs))
	return rep
}

// section makes the figures and tables of a setting, those that its rows have numbers for.
func (s *setting) section() Section {
	section := Section{Title: s.title(), Headline: s.headline()}
	section.Figures = slices.Concat(s.scalings(), s.frontiers(), s.qualities())
	for _, one := range []func() (Figure, bool){s.equal, s.phases, s.stragglers, s.loads} {
		if f, ok := one(); ok {
			section.Figures = append(section.Figures, f)
		}
	}
	section.Tables = append(section.Tables, s.cellTable(), s.wallTable())
	for _, one := range []func() (Table, bool){s.savings, s.rankTimes} {
		if t, ok := one(); ok {
			section.Tables = append(section.Tables, t)
		}
	}
	for i := range section.Figures {
		f := &section.Figures[i]
		f.Data.Name, f.Data.Title = f.Name, f.Title
	}
	return section
}
