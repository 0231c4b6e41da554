package main

import (
	"fmt"
	"slices"
	"strings"

	"capmoe/runtime/study/report"

	"github.com/jedib0t/go-pretty/v6/table"
)

// title is what the paper calls a policy.
var title = map[string]string{dropless: "dropless", drop: "Token Drop", reroute: "Token Reroute", expanded: "Expanded Drop"}

// named is a table of the document, in Markdown.
type named struct{ name, text string }

// The names of tables that are no part's.
const (
	claimsName  = "claims"
	loadsPrefix = "loads "
)

// names are those of all tables of the document.
func names() []string {
	all := []string{claimsName}
	for _, p := range parts {
		all = append(all, p.name)
	}
	for _, r := range recordings {
		all = append(all, loadsPrefix+r.name)
	}
	return all
}

// tables are all of the document.
func tables(timed []measured, loads []planned) []named {
	byName, planned := map[string]measured{}, map[string]planned{}
	var all []named
	for _, m := range timed {
		byName[m.name] = m
		all = append(all, named{m.name, m.table()})
	}
	for _, p := range loads {
		planned[p.name] = p
		all = append(all, named{loadsPrefix + p.name, p.table()})
	}
	return slices.Insert(all, 0, named{claimsName, claimTable(byName, planned)})
}

// table is the cells of a part, a table for each number of ranks, and where they are from.
func (m measured) table() string {
	if m.missing != "" {
		return "*" + m.missing + ".*"
	}
	var out strings.Builder
	fmt.Fprintf(&out, "`%s`; %s.\n", m.command, m.stood)
	for len(m.cells) > 0 {
		here := m.here()
		fmt.Fprintf(&out, "\nOn %d ranks:\n\n%s\n", here[0].ranks, cellTable(here))
	}
	return out.String()
}

// here takes the cells of the least number of ranks out.
func (m *measured) here() []cell {
	ranks := slices.MinFunc(m.cells, func(a, b cell) int { return a.ranks - b.ranks }).ranks
	var here, rest []cell
	for _, c := range m.cells {
		if c.ranks == ranks {
			here = append(here, c)
		} else {
			rest = append(rest, c)
		}
	}
	m.cells = rest
	return here
}

// cellTable has perplexities where a text went through a model, wall time where only
// mixtures ran, on a core each.
func cellTable(cells []cell) string {
	quality, wall := cells[0].perplexity > 0, cells[0].wall.Mid > 0
	t := report.Table{Columns: []report.Column{{Label: "policy"}, {Label: "γ"}}}
	if quality {
		t.Columns = append(t.Columns, report.Column{Label: "perplexity", Verb: "%.3f"}, report.Column{Label: "change", Verb: "%+.2f %%"})
	}
	t.Columns = append(t.Columns, report.Column{Label: "lost gate mass", Verb: "%.4f"}, report.Column{Label: "pairs kept", Verb: "%.1f %%"})
	if wall {
		t.Columns = append(t.Columns, report.Column{Label: "layer speed-up, wall", Verb: "%.2f×"})
	}
	t.Columns = append(t.Columns, report.Column{Label: "layer speed-up, critical path", Verb: "%.2f×"}, report.Column{Label: "bound", Verb: "%.2f×"}, report.Column{Label: "of bound", Verb: "%.0f %%"})
	for _, c := range cells {
		row := []any{title[c.system], factor(c.gamma)}
		if quality {
			row = append(row, c.perplexity, 100*c.change)
		}
		row = append(row, c.mass, 100*c.kept)
		best := c.gain
		if wall {
			row, best = append(row, c.wall), c.wall
		}
		t.Rows = append(t.Rows, append(row, c.gain, c.bound, 100*best.Mid/c.bound))
	}
	return markdown(t)
}

// table is the bounds of a recording by ranks.
func (p planned) table() string {
	if p.missing != "" {
		return "*" + p.missing + ".*"
	}
	t := report.Table{Columns: []report.Column{{Label: "policy"}, {Label: "γ"}, {Label: "lost gate mass", Verb: "%.4f"}}}
	first := []any{title[dropless] + ", busiest rank ÷ mean", factor(0), 0.0}
	for _, ranks := range p.ranks {
		t.Columns = append(t.Columns, report.Column{Label: fmt.Sprintf("%d ranks", ranks), Verb: "%.2f×"})
		first = append(first, p.loads[load{dropless, 0, ranks}].busiest)
	}
	t.Rows = append(t.Rows, first)
	for _, system := range p.capped {
		for _, gamma := range gammas {
			row := []any{title[system], factor(gamma), p.loads[load{system, gamma, p.ranks[1]}].mass}
			for _, ranks := range p.ranks {
				row = append(row, bound(p, system, gamma, ranks))
			}
			t.Rows = append(t.Rows, row)
		}
	}
	return fmt.Sprintf("`$CAPMOE_DATA/%s`, %d layers, steps of %d tokens.\n\n%s", p.path, p.layers, p.step, markdown(t))
}

// bound is nil where nothing was planned.
func bound(p planned, system string, gamma float64, ranks int) any {
	if b := p.bound(system, gamma, ranks); b > 0 {
		return b
	}
	return nil
}

func factor(gamma float64) string {
	if gamma == 0 {
		return "–"
	}
	return fmt.Sprintf("%g", gamma)
}

func markdown(t report.Table) string {
	w := table.NewWriter()
	t.Write(w)
	return w.RenderMarkdown()
}
