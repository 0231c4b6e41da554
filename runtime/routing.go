package runtime

import (
	"errors"
	"fmt"

	"capmoe/layers"
	"capmoe/layers/capacity"
)

// Routing says how a run routes: a dialect, or the name of a baseline, whose dialect
// follows from the capacity factor and seed of the given policy and the model's top K.
type Routing struct {
	layers.Dialect
	Baseline string
	Overlap  int // chunks in which rows travel between nodes while experts compute; 0: as many as prove fastest
}

// Validate reports faults that need no model.
func (r Routing) Validate() error {
	if r.Baseline == "" {
		return errors.Join(r.Policy.Validate(), r.Dialect.Validate())
	}
	d, err := r.resolve(1)
	if err != nil {
		return err
	}
	if err := d.Policy.Validate(); err != nil {
		return fmt.Errorf("baseline %s: %w", r.Baseline, err)
	}
	return nil
}

// Capped tells whether the routing has a capacity.
func (r Routing) Capped() bool {
	d, err := r.resolve(1)
	return err == nil && d.Policy.Policy != capacity.Dropless
}

// resolve returns the dialect for a model's top K.
func (r Routing) resolve(topK int) (layers.Dialect, error) {
	if r.Baseline == "" {
		return r.Dialect, nil
	}
	d, err := layers.Baseline(r.Baseline, r.Policy.Expert, topK)
	d.Policy.Seed = r.Policy.Seed
	return d, err
}
