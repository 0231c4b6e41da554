// Package output is how a program on ranks says what it has found: to machines and to people.
//
//	Answer ─ --json opened ─ run ─ --json written ─ show: tables
//
// Reading order: answer.go, json.go, table.go.
package output
