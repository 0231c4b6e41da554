package study

import (
	"capmoe/layers"
	"capmoe/layers/capacity"
)

// system is a policy or a baseline, and which axes it has.
type system struct {
	name     string
	baseline bool
	capped   bool // it has a capacity factor
}

// systemOf finds a system by its name. Policies and baselines share no name.
func systemOf(name string) (system, error) {
	if p, err := capacity.ParsePolicy(name); err == nil {
		return system{name: name, capped: p != capacity.Dropless}, nil
	}
	d, err := layers.Baseline(name, capacity.Times(1), 2)
	return system{name: name, baseline: true, capped: d.Policy.Policy != capacity.Dropless}, err
}

// gammas are the capacity factors that it runs at; nil is none.
func (s system) gammas(d Definition) []*float64 {
	if !s.capped {
		return []*float64{nil}
	}
	factors := make([]*float64, len(d.Gamma))
	for i := range d.Gamma {
		factors[i] = &d.Gamma[i]
	}
	return factors
}

// scopes are those of policies with a capacity: a baseline has its own.
func (s system) scopes(d Definition) []string {
	if s.baseline || !s.capped {
		return none
	}
	return d.Scopes
}

// dispatchers are those of policies: a baseline, and EPLB by any name, has its own.
func (s system) dispatchers(d Definition, placement string) []string {
	if s.baseline || placement == EPLB {
		return none
	}
	return d.Dispatchers
}

// placements are contiguous, and eplb where nothing is dropped.
func (s system) placements(d Definition) []string {
	switch {
	case s.name == EPLB:
		return []string{EPLB}
	case s.name == capacity.Dropless.String():
		return d.Placements
	}
	return []string{Contiguous}
}

// none is the axis of a system or workload that does not have it: one empty value.
var none = []string{""}
