package runtime

import (
	"errors"
	"io"

	"capmoe/collective"
	"capmoe/layers"
	"capmoe/layers/capacity"
	"capmoe/runtime/trace"
)

// balance places the experts by load, the same on every rank.
func (r *replay) balance() error {
	ranks, experts := r.proc.Comm.Size(), r.info.Experts
	if err := checkRedundant(r.Redundant, experts, ranks); err != nil {
		return collective.Agree(r.proc.Comm, err)
	}
	cfg := r.config()
	flat := make([]int64, cfg.Layers*experts)
	var err error
	if r.LoadsFile != "" {
		err = readLoads(flat, r.LoadsFile, r.info.Layers, experts)
	} else {
		err = r.measure(flat)
	}
	if err := collective.Agree(r.proc.Comm, err); err != nil {
		return err
	}
	for l := range cfg.Layers {
		r.placements = append(r.placements, layers.Balance(flat[l*experts:(l+1)*experts], ranks, r.Redundant))
	}
	return nil
}

// measure counts the top K of the first step's tokens, every rank all of them.
func (r *replay) measure(flat []int64) error {
	s, err := r.Replay.Open()
	if err != nil {
		return err
	}
	defer s.Close()
	step, err := s.Next()
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err != nil {
		return err
	}
	model := capacity.Model{Experts: r.info.Experts, TopK: r.info.TopK}
	return collective.Run(1, collective.Options{}, func(c collective.Communicator) error {
		planner, err := capacity.NewPlanner(c, capacity.Config{}, model, capacity.Contiguous(r.info.Experts, 1))
		if err != nil {
			return err
		}
		for i, layer := range r.info.Layers {
			plan, err := planner.Plan(allOf(step, r.info, i))
			if err != nil {
				return err
			}
			copy(flat[layer*r.info.Experts:], plan.LoadBefore)
		}
		return nil
	})
}

// allOf is all tokens of a step in the i-th layer.
func allOf(s trace.Step, info trace.Info, i int) capacity.Step {
	step := capacity.Step{Layer: info.Layers[i], Scores: make([]float32, s.Tokens*info.Experts), Tokens: make([]int32, s.Tokens)}
	s.Rows(step.Scores, i, 0, s.Tokens)
	for t := range step.Tokens {
		step.Tokens[t] = int32(t)
	}
	return step
}
