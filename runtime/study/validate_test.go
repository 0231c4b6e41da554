package study

import (
	"math"
	"strings"
	"testing"
)

func TestValidate(t *testing.T) {
	for _, c := range []struct {
		rule string
		with func(*Definition)
		want []string // of the one fault; nil: there is none
	}{
		{"the default is sound", func(*Definition) {}, nil},
		{"ranks are 1 or more", func(d *Definition) { d.Ranks = []int{2, 0} }, []string{"ranks[1]: 0", "1 or more"}},
		{"no value is there twice", func(d *Definition) { d.Ranks = []int{2, 4, 2} }, []string{"ranks[2]: 2 is there already", "value 0"}},
		{"an axis has a value", func(d *Definition) { d.Systems = nil }, []string{"systems: the list is empty"}},
		{"scaling is known", func(d *Definition) { d.Scaling = []string{"linear"} }, []string{`scaling[0]: "linear"`, "strong or weak"}},
		{"systems are known", func(d *Definition) { d.Systems = []string{"dropless", "best"} }, []string{`systems[1]: unknown system "best"`, "reroute", "megablocks"}},
		{"γ is not absurd", func(d *Definition) { d.Gamma = []float64{1e300} }, []string{"gamma[0]: capacity factor 1e+300, want more than 0, at most 2147483647"}},
		{"γ is more than 0", func(d *Definition) { d.Gamma = []float64{0} }, []string{"gamma[0]: capacity factor 0"}},
		{"γ is a number", func(d *Definition) { d.Gamma = []float64{math.NaN()} }, []string{"gamma[0]: capacity factor NaN"}},
		{"γ is finite", func(d *Definition) { d.Gamma = []float64{math.Inf(1)} }, []string{"gamma[0]: capacity factor +Inf"}},
		{"scopes are known", func(d *Definition) { d.Scopes = []string{"galactic"} }, []string{`scopes[0]`, `"galactic"`, "local"}},
		{"dispatchers are known", func(d *Definition) { d.Dispatchers = []string{"pigeon"} }, []string{`dispatchers[0]`, `"pigeon"`, "allgather"}},
		{"placements are known", func(d *Definition) { d.Placements = []string{"random"} }, []string{`placements[0]: "random"`, "eplb"}},
		{"eplb places experts of dropless", func(d *Definition) { d.Placements, d.Systems = []string{EPLB}, []string{"drop"} }, []string{"placements: eplb", "dropless"}},
		{"a workload has a kind", func(d *Definition) { d.Workloads = []string{"valid.txt"} }, []string{`workloads[0]: "valid.txt"`, "text:FILE"}},
		{"a workload has a name", func(d *Definition) { d.Workloads = []string{"text:"} }, []string{`workloads[0]: "text:"`}},
		{"kinds of made routing are known", func(d *Definition) { d.Workloads = []string{"synthetic:level"} }, []string{"workloads[0]", `"level"`, "balanced"}},
		{"a text needs a model", func(d *Definition) { d.Models = nil }, []string{"models: the list is empty"}},
		{"routing needs none", func(d *Definition) { d.Models, d.Workloads = nil, []string{"synthetic:uniform"} }, nil},
		{"a model has a name", func(d *Definition) { d.Models = []string{""} }, []string{"models[0]: the name is empty"}},
		{"shapes are known", func(d *Definition) { d.Shapes = []string{"gpt-9"} }, []string{"shapes[0]", `"gpt-9"`, "mixtral"}},
		{"dtypes are known", func(d *Definition) { d.DTypes = []string{"f7"} }, []string{"dtypes[0]", `"f7"`}},
		{"a step has tokens", func(d *Definition) { d.StepTokens = []int{0} }, []string{"step-tokens[0]: 0"}},
		{"a step is whole windows", func(d *Definition) { d.StepTokens = []int{1000} }, []string{"step-tokens[0]", "1000 tokens", "windows of 256"}},
		{"of routing it need not be", func(d *Definition) { d.StepTokens, d.Workloads = []int{1000}, []string{"synthetic:uniform"} }, nil},
		{"token ids fit 24 bits", func(d *Definition) { d.StepTokens = []int{1 << 25} }, []string{"step-tokens[0]", "1 × 33554432", "16777216"}},
		{"in weak scaling too", func(d *Definition) { d.StepTokens, d.Scaling = []int{1 << 23}, []string{Weak} }, []string{"step-tokens[0]", "4 × 8388608", "16777216"}},
		{"of any number of ranks", func(d *Definition) { d.Ranks, d.Scaling = []int{1 << 60}, []string{Weak} }, []string{"step-tokens[0]", "1152921504606846976 × 2048"}},
		{"the tokens of a run can be counted", func(d *Definition) { d.Steps = math.MaxInt / 100 }, []string{"step-tokens[0]", "too many"}},
		{"a cell runs", func(d *Definition) { d.Repeats = 0 }, []string{"repeats: 0"}},
		{"repeats are not absurd", func(d *Definition) { d.Repeats = 1e9 }, []string{"repeats: 1000000000, want at most 65536"}},
		{"a run has a step", func(d *Definition) { d.Steps = -1 }, []string{"steps: -1"}},
		{"a window predicts something", func(d *Definition) { d.Window = 1 }, []string{"window: 1", "2 or more"}},
		{"a rank has a thread", func(d *Definition) { d.Threads = 0 }, []string{"threads: 0"}},
		{"threads are not absurd", func(d *Definition) { d.Threads = 1e6 }, []string{"threads: 1000000, want at most 4096"}},
		{"experts are not negative", func(d *Definition) { d.Experts = -1 }, []string{"experts: -1"}},
		{"the launcher is known", func(d *Definition) { d.Launcher = "rocket" }, []string{`launcher: "rocket"`, "mpirun or srun"}},
		{"a run may take time", func(d *Definition) { d.Timeout = 0 }, []string{"timeout: 0s"}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			d := Default()
			c.with(&d)
			faults := d.Validate()
			if len(faults) != min(1, len(c.want)) {
				t.Fatalf("faults %v, want %q", faults, c.want)
			}
			for _, text := range c.want {
				if !strings.Contains(faults[0].Error(), text) {
					t.Errorf("fault %q is silent about %q", faults[0], text)
				}
			}
		})
	}
}

// All faults are told, not the first alone.
func TestValidateTellsAll(t *testing.T) {
	d := Default()
	d.Ranks, d.Gamma, d.Repeats = []int{0}, []float64{-1}, 0
	if faults := d.Validate(); len(faults) != 3 {
		t.Errorf("%d faults, want 3: %v", len(faults), faults)
	}
}
