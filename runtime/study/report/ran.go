package report

import (
	"fmt"
	"strings"
	"time"
)

// ran says what was run.
func ran(runs []run, settings []*setting) string {
	cells := map[string]bool{}
	failed, first, last := 0, time.Time{}, time.Time{}
	for _, r := range runs {
		cells[r.Cell.ID] = true
		if r.result == nil {
			failed++
		}
		if t := r.Started; !t.IsZero() {
			if first.IsZero() || t.Before(first) {
				first = t
			}
			if t.After(last) {
				last = t
			}
		}
	}
	e := runs[0].Environment
	text := fmt.Sprintf("%s of %s", count(len(runs), "run", "runs"), count(len(cells), "cell", "cells"))
	if failed > 0 {
		text += fmt.Sprintf(", %d of them failed", failed)
	}
	if !first.IsZero() {
		text += ", " + period(first.UTC(), last.UTC())
	}
	var stood []string
	for _, part := range []string{e.Host, e.CPU, cores(e.Cores), e.MPI, e.Kernels, prefixed("commit ", short(e.Commit))} {
		if part != "" {
			stood = append(stood, part)
		}
	}
	if len(stood) > 0 {
		text += "; " + strings.Join(stood, ", ")
	}
	if len(settings) > 1 {
		text += fmt.Sprintf("; %d settings, which are not compared with each other", len(settings))
	}
	return text + "."
}

// period is when the first and the last run started.
func period(first, last time.Time) string {
	const day, clock = "2 January 2006", "15:04"
	from, to := first.Format(day+" "+clock), last.Format(clock)
	if first.Format(day) != last.Format(day) {
		to = last.Format(day + " " + clock)
	} else if first.Format(clock) == to {
		return from + " UTC"
	}
	return from + " to " + to + " UTC"
}

func cores(n int) string {
	if n == 0 {
		return ""
	}
	return count(n, "core", "cores")
}

// short is the beginning of a commit's name, with what follows the name.
func short(commit string) string {
	hash, rest, _ := strings.Cut(commit, "+")
	if len(hash) > 12 {
		hash = hash[:12]
	}
	return hash + prefixed("+", rest)
}

func prefixed(prefix, text string) string {
	if text == "" {
		return ""
	}
	return prefix + text
}

// title names a setting.
func (s *setting) title() string {
	var parts []string
	switch {
	case s.key.model != "":
		parts = append(parts, base(s.key.model))
	case s.key.shape != "":
		parts = append(parts, "shape "+s.key.shape)
	default:
		parts = append(parts, "planning only")
	}
	kind, where, _ := strings.Cut(s.key.workload, ":")
	if where != "" {
		kind += " " + base(where)
	}
	if kind != "" {
		parts = append(parts, kind)
	}
	if s.key.dtype != "" {
		parts = append(parts, s.key.dtype)
	}
	if s.key.scaling != "" {
		parts = append(parts, s.key.scaling+" scaling")
	}
	return strings.Join(parts, " · ")
}

// grid says what the setting's cells are.
func (s *setting) grid() string {
	var names []string
	for _, x := range s.series {
		names = append(names, x.name)
	}
	text := fmt.Sprintf("%s on %s ranks", list(names), numbers(s.ranks))
	switch len(s.ranks) {
	case 0:
		return fmt.Sprintf("%s: every run failed.", list(names))
	case 1:
		text = fmt.Sprintf("%s on %s", list(names), count(s.ranks[0], "rank", "ranks"))
	}
	if len(s.gammas) > 0 {
		words := make([]string, len(s.gammas))
		for i, g := range s.gammas {
			words[i] = fmt.Sprintf("%g", g)
		}
		text += fmt.Sprintf(", %s γ %s", plural(len(words), "capacity factor", "capacity factors"), list(words))
	}
	step := fmt.Sprintf("; %d tokens a step", s.key.tokens)
	if s.key.scaling == "weak" {
		step += " and rank"
	}
	return text + step + s.length() + "."
}

// length is how many tokens the runs at the setting's number of ranks took.
func (s *setting) length() string {
	var tokens []float64
	for _, x := range s.series {
		for _, c := range x.at(s.focus) {
			tokens = append(tokens, c.over(func(r *result) float64 { return float64(r.Tokens) }).Mid)
		}
	}
	if len(tokens) == 0 {
		return ""
	}
	return fmt.Sprintf(", %s in all", span("%.0f", tokens))
}
