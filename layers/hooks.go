package layers

import "capmoe/layers/capacity"

// Phase is a part of a step whose time is reported.
type Phase uint8

// The phases of a step, in the order a token goes through them. Shared experts and the
// perceptrons of dense layers count as Expert.
const (
	Embed Phase = iota
	Attention
	Route
	Plan
	Dispatch
	Expert
	Combine
	Head
	Phases // how many there are
)

func (p Phase) String() string {
	return [...]string{"embed", "attention", "route", "plan", "dispatch", "expert", "combine", "head"}[p]
}

// InMoE tells whether the phase belongs to the mixture of experts.
func (p Phase) InMoE() bool { return p >= Route && p <= Combine }

// Hooks watch a model at work. Any of them may be nil.
type Hooks struct {
	// Enter is called when a phase begins in a layer; it ends the one before.
	Enter func(layer int, p Phase)
	// Planned is called after a layer with its plan and scores [T_l, E], both valid
	// during the call only, and the pairs that this rank has computed.
	Planned func(plan *capacity.Plan, scores []float32, computed int)
}

func (h *Hooks) enter(layer int, p Phase) {
	if h != nil && h.Enter != nil {
		h.Enter(layer, p)
	}
}

func (h *Hooks) planned(plan *capacity.Plan, scores []float32, computed int) {
	if h != nil && h.Planned != nil {
		h.Planned(plan, scores, computed)
	}
}
