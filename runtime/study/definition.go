package study

import (
	"slices"
	"time"
)

// Definition is a study: the axes of its grid and what all its runs share. The YAML
// keys are those of the file, and the names of the flags.
type Definition struct {
	// The axes. A cell takes one value of each axis that its system and workload have.
	Ranks       []int     `yaml:"ranks" json:"ranks"`             // P
	Scaling     []string  `yaml:"scaling" json:"scaling"`         // strong, weak
	Systems     []string  `yaml:"systems" json:"systems"`         // policies and baselines
	Gamma       []float64 `yaml:"gamma" json:"gamma"`             // capacity factors of systems that have one
	Scopes      []string  `yaml:"scopes" json:"scopes"`           // of policies with a capacity
	Dispatchers []string  `yaml:"dispatchers" json:"dispatchers"` // of policies
	Placements  []string  `yaml:"placements" json:"placements"`   // contiguous; eplb, of dropless
	Models      []string  `yaml:"models" json:"models"`           // folders, for texts
	Shapes      []string  `yaml:"shapes" json:"shapes"`           // for routing; none: planning only
	Workloads   []string  `yaml:"workloads" json:"workloads"`     // text:FILE, trace:PATH or trace:PATH#SET, synthetic:KIND
	DTypes      []string  `yaml:"dtypes" json:"dtypes"`           // of weights, where there are any
	StepTokens  []int     `yaml:"step-tokens" json:"step-tokens"` // T: over all ranks if strong, of each rank if weak

	// What all runs share.
	Repeats int    `yaml:"repeats" json:"repeats"` // runs of each cell, by turns
	Steps   int    `yaml:"steps" json:"steps"`     // of a run; of a trace, those that it has at most
	Window  int    `yaml:"window" json:"window"`   // tokens of a window of a text
	Seed    uint64 `yaml:"seed" json:"seed"`       // of what is drawn at random
	Experts int    `yaml:"experts" json:"experts"` // E of routing; 0: as the trace, the shape or the command has it
	TopK    int    `yaml:"topk" json:"topk"`       // K of routing; 0: likewise
	Layers  int    `yaml:"layers" json:"layers"`   // of synthetic routing; 0: likewise

	// How ranks are started.
	Launcher string `yaml:"launcher" json:"launcher"` // mpirun or srun
	Hostfile string `yaml:"hostfile" json:"hostfile"`
	MapBy    string `yaml:"map-by" json:"map-by"`
	BindTo   string `yaml:"bind-to" json:"bind-to"`
	Threads  int    `yaml:"threads" json:"threads"` // compute threads of a rank

	// Timeout ends a run that takes longer. It says nothing of what is run, so a study
	// may go on with another one.
	Timeout time.Duration `yaml:"timeout" json:"timeout"`
}

// Default is a small study of the shipped model, for the root of the repository.
func Default() Definition {
	return Definition{
		Ranks:       []int{1, 2, 4},
		Scaling:     []string{Strong},
		Systems:     []string{"dropless", "drop", "reroute"},
		Gamma:       []float64{1, 1.5},
		Scopes:      []string{"global"},
		Dispatchers: []string{"alltoall"},
		Placements:  []string{Contiguous},
		Models:      []string{"examples/tiny-olmoe"},
		Workloads:   []string{"text:examples/text/valid.txt"},
		DTypes:      []string{"f32"},
		StepTokens:  []int{2048},
		Repeats:     1,
		Steps:       4,
		Window:      256,
		Launcher:    "mpirun",
		BindTo:      "none",
		Threads:     1,
		Timeout:     30 * time.Minute,
	}
}

// The ways of scaling.
const (
	Strong = "strong" // a step has the same tokens for any P
	Weak   = "weak"   // a step has tokens in proportion to P
)

// The placements of experts.
const (
	Contiguous = "contiguous"
	EPLB       = "eplb" // placed and replicated by measured loads
)

// has tells whether an axis holds a value.
func has(axis []string, value string) bool { return slices.Contains(axis, value) }
