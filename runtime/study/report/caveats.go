package report

import (
	"fmt"
	"slices"
	"strings"
)

// environments are the parts of an environment that a reader asks for: times of runs
// that differ in one do not compare.
var environments = []struct {
	name string
	of   func(run) string
}{
	{"commit", func(r run) string { return short(r.Environment.Commit) }},
	{"host", func(r run) string { return r.Environment.Host }},
	{"CPU", func(r run) string { return r.Environment.CPU }},
	{"cores", func(r run) string { return fmt.Sprint(r.Environment.Cores) }},
	{"MPI", func(r run) string { return r.Environment.MPI }},
	{"kernels", func(r run) string { return r.Environment.Kernels }},
	{"Go", func(r run) string { return r.Environment.Go }},
	{"study flags", func(r run) string { return strings.Join(r.Environment.StudyFlags, " ") }},
}

// caveats are what a reader must mind, in sentences.
func caveats(r rows, settings []*setting) []string {
	notes := slices.Clone(r.notes)
	notes = append(notes, mixed(r.runs)...)
	failed := 0
	for _, x := range r.runs {
		if x.result == nil {
			failed++
		}
	}
	if failed > 0 {
		notes = append(notes, fmt.Sprintf("%d of %s failed and %s no part in any number: see “Runs that failed”.", failed, count(len(r.runs), "run", "runs"), takes(failed)))
	}
	var crowded []int
	scopes, dtypes := map[string][]string{}, map[string]bool{}
	single, cells, planned := 0, 0, false
	for _, s := range settings {
		planned = planned || !s.timed && len(s.ranks) > 0
		if s.key.dtype != "" {
			dtypes[s.key.dtype] = true
		}
		for _, x := range s.series {
			for _, c := range x.cells {
				if cells++; len(c.runs) == 1 {
					single++
				}
				if c.crowded {
					crowded = append(crowded, c.Ranks)
				}
			}
			if scope := scopeOf(x); scope != "" && !slices.Contains(scopes[scope], x.system) {
				scopes[scope] = append(scopes[scope], x.system)
			}
		}
	}
	if len(crowded) > 0 {
		slices.Sort(crowded)
		notes = append(notes, fmt.Sprintf("Oversubscribed: on %s ranks there were more ranks than cores. Wall time there shows no scaling; speed-ups are of the critical path, which has no wire and no waiting in it.", numbers(slices.Compact(crowded))))
	}
	if len(scopes) > 1 {
		var parts []string
		for _, scope := range sorted(scopes) {
			verb := "decide"
			if len(scopes[scope]) == 1 {
				verb = "decides"
			}
			parts = append(parts, fmt.Sprintf("%s %s over the %s", list(scopes[scope]), verb, scopeWords[scope]))
		}
		notes = append(notes, "Scopes differ: "+strings.Join(parts, "; ")+". At equal γ they lose different mass: compare at equal lost gate mass.")
	}
	if single > 0 {
		notes = append(notes, fmt.Sprintf("%d of %s ran once: no interval shows how far times vary.", single, count(cells, "cell", "cells")))
	}
	for _, s := range settings {
		if same := s.twins(); same != "" {
			notes = append(notes, same)
		}
	}
	if planned {
		notes = append(notes, "Planning only: where experts are not computed, speed-ups are bounds by the load of the busiest rank, and there is no perplexity.")
	}
	for _, dtype := range sorted(dtypes) {
		notes = append(notes, fmt.Sprintf("Products with weights are in %s; sums are in f32.", dtype))
	}
	return notes
}

var scopeWords = map[string]string{"global": "tokens of all ranks (global)", "local": "tokens of each rank alone (local)"}

// scopeOf is the scope of a series whose cells have a capacity.
func scopeOf(x *series) string {
	for _, c := range x.cells {
		if c.Gamma != nil && scopeWords[c.runs[0].result.Scope] != "" {
			return c.runs[0].result.Scope
		}
	}
	return ""
}

func takes(n int) string {
	if n == 1 {
		return "takes"
	}
	return "take"
}

// mixed says where rows stand on different ground.
func mixed(runs []run) (notes []string) {
	for _, e := range environments {
		var values []string
		for _, r := range runs {
			if v := e.of(r); !slices.Contains(values, v) {
				values = append(values, v)
			}
		}
		if len(values) > 1 {
			notes = append(notes, fmt.Sprintf("Mixed rows: %d values of %s (%s). Times across them do not compare.", len(values), e.name, clip(strings.Join(values, "; "), 160)))
		}
	}
	return notes
}

// clip shortens what would fill a page.
func clip(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}

// numbers is a list of them.
func numbers(values []int) string {
	words := make([]string, len(values))
	for i, v := range values {
		words[i] = fmt.Sprint(v)
	}
	return list(words)
}
