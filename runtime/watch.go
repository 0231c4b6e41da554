package runtime

import (
	"capmoe/layers"
	"capmoe/layers/capacity"
)

// Watch lets hooks see every run from the next Use on, after the meter.
func (e *Engine) Watch(h *layers.Hooks) { e.watchers = append(e.watchers, h) }

// Follow lets a timeline see every run from the next Use on. A nil Timeline sees nothing.
func (e *Engine) Follow(t *Timeline) {
	if t != nil {
		e.timeline = t
		e.Watch(t.hooks())
	}
}

// pause ends the running phase: what follows belongs to no step.
func (e *Engine) pause() {
	e.meter.clock.stop()
	e.timeline.pause()
}

// together are hooks that call others, in order.
func together(all ...*layers.Hooks) *layers.Hooks {
	return &layers.Hooks{
		Enter: func(layer int, p layers.Phase) {
			for _, h := range all {
				if h.Enter != nil {
					h.Enter(layer, p)
				}
			}
		},
		Planned: func(plan *capacity.Plan, scores []float32, computed int) {
			for _, h := range all {
				if h.Planned != nil {
					h.Planned(plan, scores, computed)
				}
			}
		},
	}
}
