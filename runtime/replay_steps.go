package runtime

import (
	"errors"
	"fmt"
	"io"

	"capmoe/collective"
	"capmoe/layers"
	"capmoe/layers/capacity"
	"capmoe/runtime/trace"
)

// eachStep reads the stream, or its first most steps, on all ranks alike.
func (r *replay) eachStep(most int, do func(trace.Step) error) error {
	s, err := r.Replay.Open()
	if err := collective.Agree(r.proc.Comm, err); err != nil {
		return err
	}
	defer s.Close()
	for n := 0; most == 0 || n < most; n++ {
		step, err := s.Next()
		if errors.Is(err, io.EOF) {
			step, err = trace.Step{}, nil
		}
		if step.Tokens > capacity.MaxTokens {
			err = fmt.Errorf("runtime: replay: step %d of %d tokens, want at most %d", n, step.Tokens, capacity.MaxTokens)
		}
		if err := collective.Agree(r.proc.Comm, err); err != nil {
			return err
		}
		if err := r.sameSize(n, step.Tokens); err != nil || step.Tokens == 0 {
			return err
		}
		if err := do(step); err != nil {
			return err
		}
	}
	return nil
}

// sameSize fails on every rank unless all have read as many tokens: on hosts with
// different files ranks would wait for each other for ever.
func (r *replay) sameSize(step, tokens int) error {
	extremes := []int64{int64(tokens), -int64(tokens)}
	if err := collective.AllReduce(r.proc.Comm, collective.Max, extremes); err != nil {
		return err
	}
	if most, least := extremes[0], -extremes[1]; most != least {
		return collective.Agree(r.proc.Comm, fmt.Errorf("runtime: replay: %s: step %d has %d tokens on one rank and %d on another: want the same recording on all hosts", r.Source, step, least, most))
	}
	return nil
}

// step runs all layers of a step.
func (r *replay) step(s trace.Step) error {
	r.largest = max(r.largest, s.Tokens)
	r.hooks.Enter(0, layers.Embed)
	r.pause()
	for i, layer := range r.info.Layers {
		r.take(s, i)
		if err := r.runner.run(layer, r.scores, r.tokens); err != nil {
			return err
		}
		r.pause()
	}
	return collective.Agree(r.proc.Comm, r.fault)
}

// take reads this rank's share of a layer of the step.
func (r *replay) take(s trace.Step, i int) {
	from, to := s.Share(r.proc.Comm.Rank(), r.proc.Comm.Size())
	r.scores = append(r.scores[:0], make([]float32, (to-from)*r.info.Experts)...)
	s.Rows(r.scores, i, from, to)
	r.tokens = r.tokens[:0]
	for t := from; t < to; t++ {
		r.tokens = append(r.tokens, int32(t))
	}
}

func (r *replay) pause() {
	r.meter.clock.stop()
	r.Timeline.pause()
}

// warmUp runs the first step of a mixture once without a measurement: buffers grow, and
// weights are read for the first time.
func (r *replay) warmUp() error {
	if r.Shape == nil {
		return nil
	}
	r.warming = true
	defer func() { r.warming = false }()
	return r.eachStep(1, r.step)
}

// unlessWarming are hooks that see nothing of the first step's first run.
func (r *replay) unlessWarming(h *layers.Hooks) *layers.Hooks {
	return &layers.Hooks{
		Enter: func(layer int, p layers.Phase) {
			if !r.warming {
				h.Enter(layer, p)
			}
		},
		Planned: func(plan *capacity.Plan, scores []float32, computed int) {
			if !r.warming {
				h.Planned(plan, scores, computed)
			}
		},
	}
}
