// Package study runs grids of runs and keeps their rows.
//
// Reading order: row.go.
package study
