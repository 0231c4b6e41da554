// Package report turns the rows of a study into a report for people: one HTML file that
// needs nothing else, the same figures and tables as files, and a summary in words.
//
//	rows.jsonl ─ read ─ runs ─ gather ─ settings ─┬─ figures and tables ─┬─ page ─ report.html
//	                                              └─ summary, caveats ───┘─ write ─ figures/, tables/
//
// A setting is what may be compared: one model or shape, workload, precision, kind of
// scaling and size of step. In it a series is a system with its scope, dispatcher and
// placement; a cell is a series at one capacity factor and number of ranks; a run is one
// repeat of a cell. Numbers of a cell are medians over its runs, with the least and the
// greatest. A time is seconds on the critical path, unless it is called wall time.
//
//	read.go         the rows, and what is wrong with them; result.go: what a run says
//	cell.go         medians and intervals; setting.go: what may be compared
//	systems.go      the order and the colours of systems
//	compare.go      speed-up over the reference; equal.go: at equal lost gate mass
//	table.go        columns for people and machines; figure.go: a drawing with its words
//	scaling.go quality.go frontier.go phases.go straggler.go loads.go overview.go
//	                the figures and tables of a setting
//	ran.go          what was run, in words; summary.go: what came of it; caveats.go: what
//	                to mind; headline.go: the numbers that decide
//	report.go       New; page.go: HTML; write.go: files; record.go: the report for machines
package report
