package report

import (
	"strings"
	"testing"

	"capmoe/runtime/study/figure"
)

func TestTable(t *testing.T) {
	table := Table{Name: "x", Title: "Times", Note: "Medians.", Columns: []Column{
		{Name: "system", Label: "system"}, {Name: "ranks", Label: "ranks", Verb: "%d"},
		{Name: "seconds", Label: "s", Verb: "%.2f", Span: true}, {Name: "mass", Label: "mass", Verb: "%.1f"},
	}}
	table.add("a, b", 2, figure.Span{Mid: 1.23456, Low: 1, High: 2}, 0.125)
	table.add("c", 4, figure.At(3), nil)
	table.add("d|e", 4, nil, 1.0)
	for _, c := range []struct {
		rule, got, want string
	}{
		{"CSV has every digit, and three columns of a span", string(table.CSV()),
			"system,ranks,seconds,seconds_min,seconds_max,mass\n\"a, b\",2,1.23456,1,2,0.125\nc,4,3,3,3,\nd|e,4,,,,1\n"},
		{"people see an interval where there is one", table.Columns[2].show(table.Rows[0][2]), "1.23 (1.00–2.00)"},
		{"its unit is said once", Column{Verb: "%.1f×", Span: true}.show(figure.Span{Mid: 2, Low: 1, High: 3}), "2.0× (1.0–3.0)"},
		{"and none where there is none", table.Columns[2].show(table.Rows[1][2]), "3.00"},
		{"what is not known is a dash", table.Columns[3].show(nil), "–"},
	} {
		if c.got != c.want {
			t.Errorf("%s: %q, want %q", c.rule, c.got, c.want)
		}
	}
	markdown := string(table.Markdown())
	for _, want := range []string{"# Times\n", "| system | ranks | s | mass |", "| a, b | 2 | 1.23 (1.00–2.00) | 0.1 |", `d\|e`, "\nMedians.\n"} {
		if !strings.Contains(markdown, want) {
			t.Errorf("%q is not in:\n%s", want, markdown)
		}
	}
}

func TestTrim(t *testing.T) {
	table := Table{Columns: []Column{{Name: "a"}, {Name: "b"}, {Name: "c"}}}
	table.add(nil, "x", nil)
	table.add(nil, "y", 1)
	table.trim()
	if got, want := string(table.CSV()), "b,c\nx,\ny,1\n"; got != want {
		t.Errorf("%q, want %q: a column of which nothing is known goes, any other stays", got, want)
	}
}
