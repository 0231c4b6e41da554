package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"capmoe/runtime/study"
)

// mostResult is the most that a run may say on standard output, bytes.
const mostResult = 1 << 28

// take puts the report that a run has said into its row. A run that is not what the
// cell asks for has failed.
func (e *executor) take(row *study.Row, c study.Cell, stdout *bounded) error {
	if stdout.over {
		return fmt.Errorf("study: the run says more than %d bytes", stdout.most)
	}
	var result bytes.Buffer
	if err := json.Compact(&result, stdout.Bytes()); err != nil {
		return fmt.Errorf("study: the run ended well, but its output of %d bytes is no JSON: %w", stdout.Len(), err)
	}
	var report struct {
		Kernels string `json:"kernels"`
		Ranks   int    `json:"ranks"`
		Tokens  int    `json:"tokens"`
	}
	if err := json.Unmarshal(result.Bytes(), &report); err != nil {
		return fmt.Errorf("study: the run ended well, but its output is no report: %w", err)
	}
	if report.Ranks != c.Ranks {
		return fmt.Errorf("study: the report is of %d ranks, the cell has %d", report.Ranks, c.Ranks)
	}
	if want := c.Tokens * e.definition.Steps; strings.HasPrefix(c.Workload, study.Text+":") && report.Tokens != want {
		return fmt.Errorf("study: %s has %d tokens, %d steps of %d are %d: take fewer steps", c.Workload, report.Tokens, e.definition.Steps, c.Tokens, want)
	}
	row.Result, row.Environment.Kernels = result.Bytes(), report.Kernels
	return nil
}

// bounded keeps what is written to it, up to most bytes.
type bounded struct {
	bytes.Buffer
	most int
	over bool
}

func (b *bounded) Write(p []byte) (int, error) {
	if b.over = b.over || b.Len()+len(p) > b.most; !b.over {
		b.Buffer.Write(p)
	}
	return len(p), nil
}
