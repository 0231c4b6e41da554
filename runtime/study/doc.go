// Package study runs grids of runs and keeps their rows.
//
//	STUDY.yaml, flags ─ Definition ─ Cells ─ Runs ─┬─ left to do ─ execute ─ Row ─┐
//	                                               └────────── Folder ◄───────────┘
//
// A folder holds one study: study.json, its resolved definition, and rows.jsonl, one
// Row a line, each on disk before the next run starts. Where a run failed and was run
// again, the later row of its cell and repeat counts.
//
// Reading order:
//
//	definition.go  what a study is, and what it is unless said otherwise
//	validate.go    its faults
//	fault.go       a fault, with the field that has it
//	decode.go      the YAML file
//	system.go      policies and baselines, and which axes each has
//	grid.go        the cells, and the order of their runs
//	row.go         what a run leaves behind
//	folder.go      rows on disk
//	resume.go      which rows are there, and whether they are of this study
//	conduct.go     the runs, one after the other
package study
