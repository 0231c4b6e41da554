package study

import (
	"encoding/json"
	"time"
)

// Row is one run of one cell: a line of DIR/rows.jsonl. It is written as soon as the run
// has ended, well or not, and never changed.
type Row struct {
	Cell        Cell        `json:"cell"`
	Repeat      int         `json:"repeat"` // from 0
	Environment Environment `json:"environment"`
	Started     time.Time   `json:"started"`
	Elapsed     float64     `json:"elapsed_seconds"`   // of the launcher's process, start-up included
	Command     []string    `json:"command"`           // what was run, launcher first
	Failure     string      `json:"failure,omitempty"` // why the run failed; empty: it did not
	// Result is the run's own JSON, as its command wrote it: a runtime.EvaluationReport for
	// a text, a runtime.ReplayReport for a recorded or synthetic workload.
	Result json.RawMessage `json:"result,omitempty"`
}

// Cell is one point of a study's grid. Its fields are those of the grid's axes.
type Cell struct {
	ID        string   `json:"id"`                 // made of the axes below, unique in a study, fit for a file name
	Scaling   string   `json:"scaling"`            // strong: the same tokens a step for any P; weak: tokens in proportion to P
	Ranks     int      `json:"ranks"`              // P
	System    string   `json:"system"`             // as the study names it: a policy, or a baseline
	Policy    string   `json:"policy,omitempty"`   // --policy, where the system is one
	Baseline  string   `json:"baseline,omitempty"` // --baseline, where the system is one
	Gamma     *float64 `json:"capacity_factor"`    // null: the system has none
	Scope     string   `json:"capacity_scope,omitempty"`
	Dispatch  string   `json:"token_dispatcher_type,omitempty"`
	Placement string   `json:"placement,omitempty"` // contiguous, or eplb
	Model     string   `json:"model,omitempty"`     // folder of a checkpoint; or
	Shape     string   `json:"shape,omitempty"`     // name of a shape with made weights; neither: planning only
	Workload  string   `json:"workload"`            // text:FILE, trace:PATH, or synthetic:KIND
	DType     string   `json:"dtype,omitempty"`
	Tokens    int      `json:"step_tokens"` // of a step over all ranks
}

// Environment is what a run stood on.
type Environment struct {
	Commit     string   `json:"commit"` // of the source, with +dirty where it differs
	Host       string   `json:"host"`
	CPU        string   `json:"cpu"`
	Cores      int      `json:"cores"`
	MPI        string   `json:"mpi"`
	Kernels    string   `json:"kernels"` // the library that multiplies matrices, with its version
	Go         string   `json:"go"`
	Crowded    bool     `json:"oversubscribed"` // more ranks than cores on a host: wall time is no scaling
	Flags      []string `json:"flags"`          // of capmoe in this run
	StudyFlags []string `json:"study_flags"`    // of the study
}
