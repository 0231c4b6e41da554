package main

import (
	"path/filepath"

	"capmoe/runtime/study"
	"capmoe/runtime/trace"
)

// The systems, by the names of their policies.
const (
	dropless = "dropless"
	drop     = "drop"
	reroute  = "reroute"
	expanded = "expanded"
)

var (
	capped = []string{drop, reroute, expanded}
	gammas = []float64{1, 1.25, 1.5, 2}
)

// recording is recorded routing that is planned on more ranks than there are cores: a
// plan needs no clock, and is the same wherever its ranks are.
type recording struct {
	name   string
	path   string // PATH or PATH#SET below the data folder
	step   int    // tokens; of counts, one step is drawn
	ranks  []int
	capped []string // its systems beside dropless
}

var recordings = []recording{
	{"tiny-olmoe", "data/traces/tiny-olmoe.safetensors", 2048, []int{2, 8, 16, 32}, capped},
	{"olmoe-github", domains + "#olmoe/expert_counts/github", 4096, []int{2, 8, 16, 32, 64}, capped},
	{"olmoe-arxiv", domains + "#olmoe/expert_counts/arxiv", 4096, []int{2, 8, 16, 32, 64}, capped},
	{"olmoe-c4", domains + "#olmoe/expert_counts/c4", 4096, []int{2, 8, 16, 32, 64}, capped},
	{"mixtral-github", domains + "#mistral/expert_counts/github", 4096, []int{2, 4, 8}, capped},
	{"mixtral-mmlu", "data/traces/mixtral-8x7b-mmlu-counts/mixtral_8x7b_instruct__international_law.json", 4096, []int{2, 4, 8}, capped},
	{"gpt-oss-20b", "data/traces/gpt-oss-20b", 1024, []int{2, 8, 16, 32}, []string{drop}},
}

// open reads the recording once; what it returns gives its tokens from the first.
func (r recording) open(data string) (func() (trace.Stream, error), error) {
	path, set := study.Recording(filepath.Join(data, r.path))
	counts, err := trace.IsLoads(path)
	if err != nil {
		return nil, err
	}
	if counts {
		l, err := trace.OpenLoads(path, trace.Hints{Set: set})
		if err != nil {
			return nil, err
		}
		return l.Draw(1, r.step, 0).Stream, nil
	}
	t, err := trace.Load(path, trace.Hints{})
	if err != nil {
		return nil, err
	}
	return func() (trace.Stream, error) { return trace.Cut(t.Stream(), r.step), nil }, nil
}
