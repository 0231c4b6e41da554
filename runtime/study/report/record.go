package report

import "capmoe/runtime/study/figure"

// Record is the report's words and decisive numbers, for machines.
type Record struct {
	Title    string          `json:"title"`
	Summary  []string        `json:"summary"`
	Caveats  []string        `json:"caveats"`
	Sections []SectionRecord `json:"sections"`
}

// SectionRecord is a Section of a Record: the rows of its tables, by name of table.
type SectionRecord struct {
	Title  string                      `json:"title"`
	Tables map[string][]map[string]any `json:"tables"`
}

// Record is the report for machines. Its rows are those of the CSV files.
func (r *Report) Record() Record {
	rec := Record{Title: r.Title, Caveats: append([]string{}, r.Caveats...)}
	for _, p := range r.Summary {
		rec.Summary = append(rec.Summary, p.Sentences...)
	}
	for _, s := range r.Sections {
		sr := SectionRecord{Title: s.Title, Tables: map[string][]map[string]any{}}
		for _, t := range append([]Table{s.Headline}, s.Tables...) {
			sr.Tables[t.Name] = t.records()
		}
		rec.Sections = append(rec.Sections, sr)
	}
	return rec
}

// records is each row by names of columns.
func (t *Table) records() []map[string]any {
	records := make([]map[string]any, 0, len(t.Rows))
	for _, row := range t.Rows {
		record := map[string]any{}
		for i, v := range row {
			name := t.Columns[i].Name
			if s, ok := v.(figure.Span); ok {
				record[name+"_min"], record[name+"_max"], v = s.Low, s.High, s.Mid
			}
			record[name] = v
		}
		records = append(records, record)
	}
	return records
}
