package report

import (
	"bytes"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"strings"

	"capmoe/runtime/study/figure"
)

//go:embed page.html
var pageText string

//go:embed page.css
var pageStyle string

// longest is how many rows a table has in the page; a longer one is there as CSV only.
const longest = 2000

// page is what the template of the HTML file sees.
type page struct {
	*Report
	Style    template.CSS
	Sections []pageSection
}

type pageSection struct {
	Section
	ID      string
	Figures []pageFigure
}

type pageFigure struct {
	Figure
	ID  string
	SVG template.HTML
}

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
	"show":   func(c Column, v any) string { return c.show(v) },
	"full":   func(v any) string { return full(v)[0] },
	"span":   func(v any) []string { s, ok := v.(figure.Span); return spanText(s, ok) },
	"words":  strings.NewReplacer("γ ", "γ\u00a0", " %", "\u00a0%").Replace,
	"long":   func(t Table) bool { return len(t.Rows) > longest },
	"number": Column.number,
	"uri":    func(t Table) template.URL { return csvURI(t.CSV()) },
	"column": func(t Table, i int) Column { return t.Columns[i] },
}).Parse(pageText))

// HTML is the report as one file that needs no other and no network.
func (r *Report) HTML(images map[string]figure.Image) ([]byte, error) {
	p := page{Report: r, Style: template.CSS(figure.CSS(":root") + pageStyle)}
	for i, s := range r.Sections {
		ps := pageSection{Section: s, ID: fmt.Sprintf("s%d", i+1)}
		for _, f := range s.Figures {
			id := ps.ID + "-" + f.Name
			ps.Figures = append(ps.Figures, pageFigure{Figure: f, ID: id, SVG: template.HTML(images[s.Prefix+f.Name].Inline(id))})
		}
		p.Sections = append(p.Sections, ps)
	}
	var out bytes.Buffer
	if err := pageTemplate.Execute(&out, p); err != nil {
		return nil, fmt.Errorf("report: page: %w", err)
	}
	return out.Bytes(), nil
}

func csvURI(text []byte) template.URL {
	return template.URL("data:text/csv;charset=utf-8;base64," + base64.StdEncoding.EncodeToString(text))
}

// spanText is the ends of an interval, in full; nil for another value.
func spanText(s figure.Span, ok bool) []string {
	if !ok {
		return nil
	}
	return full(s)[1:]
}
