package main

import (
	"context"
	"fmt"
	"io"
	"slices"

	"capmoe/collective"
	"capmoe/layers"
	"capmoe/layers/capacity"
	"capmoe/runtime"
	"capmoe/runtime/trace"
)

// planned is the outcome of a recording.
type planned struct {
	recording
	missing string // why there is none
	layers  int
	loads   map[load]outcome
}

// load is what was planned: gamma is 0 for dropless.
type load struct {
	system string
	gamma  float64
	ranks  int
}

// outcome is what came of a plan.
type outcome struct {
	busiest float64 // pairs of the busiest rank, summed over layers, over what a rank has dropless in the mean
	mass    float64 // lost gate mass
}

// bound is what a layer gains at most that takes as long as its busiest rank; 0: not
// planned.
func (p planned) bound(system string, gamma float64, ranks int) float64 {
	here, there := p.loads[load{system, gamma, ranks}]
	if !there {
		return 0
	}
	return p.loads[load{dropless, 0, ranks}].busiest / here.busiest
}

func planRecordings(ctx context.Context, o options, stderr io.Writer) ([]planned, error) {
	var all []planned
	for _, r := range recordings {
		p, err := r.plan(ctx, o, stderr)
		if err != nil {
			return nil, fmt.Errorf("paper: loads of %s: %w", r.name, err)
		}
		all = append(all, p)
	}
	return all, nil
}

// plan plans the recording on every number of ranks.
func (r recording) plan(ctx context.Context, o options, stderr io.Writer) (planned, error) {
	p := planned{recording: r, loads: map[load]outcome{}}
	if p.missing = absent(o.data, r.path); p.missing != "" {
		fmt.Fprintf(stderr, "loads of %s: %s\n", r.name, p.missing)
		return p, nil
	}
	open, err := r.open(o.data)
	if err != nil {
		return p, err
	}
	for _, ranks := range r.ranks {
		fmt.Fprintf(stderr, "loads of %s: %d ranks\n", r.name, ranks)
		cases := []load{{dropless, 0, ranks}}
		for _, system := range r.capped {
			for _, gamma := range gammas {
				cases = append(cases, load{system, gamma, ranks})
			}
		}
		for _, c := range cases {
			if err := ctx.Err(); err != nil {
				return p, err
			}
			report, err := c.replay(open)
			if err != nil {
				return p, err
			}
			p.layers, p.loads[c] = len(report.Layers), outcomeOf(report)
		}
	}
	return p, nil
}

// replay plans on ranks of this process.
func (c load) replay(open func() (trace.Stream, error)) (*runtime.ReplayReport, error) {
	policy, err := capacity.ParsePolicy(c.system)
	if err != nil {
		return nil, err
	}
	cfg := capacity.Config{Policy: policy}
	if c.gamma > 0 {
		cfg.Expert = capacity.Times(c.gamma)
	}
	job := runtime.Replay{Open: open, Routing: runtime.Routing{Dialect: layers.Dialect{Policy: cfg}}}
	var report *runtime.ReplayReport
	err = collective.Run(c.ranks, collective.Options{}, func(comm collective.Communicator) error {
		p := runtime.Process{Comm: comm, Hosts: slices.Repeat([]string{"here"}, c.ranks), Threads: 1}
		r, err := runtime.RunReplay(p, job, func(int, int) {})
		if comm.Rank() == 0 {
			report = r
		}
		return err
	})
	return report, err
}

// outcomeOf sums the busiest rank's pairs up, layer by layer: its load is max/mean ×
// pairs kept ÷ ranks.
func outcomeOf(r *runtime.ReplayReport) outcome {
	busiest := 0.0
	for _, l := range r.Layers {
		busiest += l.RankImbalanceAfter * float64(l.Kept) / float64(max(1, r.Routed))
	}
	return outcome{busiest, r.GateMassLost}
}
