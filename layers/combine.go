package layers

import (
	"fmt"

	"capmoe/layers/capacity"
	"capmoe/layers/kernel"
)

// combine computes y[t] = Σ weight · output over the token's pairs, best score first:
// y is [T_l, H]. Outputs of mates are read where they computed them. A token with no pair gets zero.
func (d *allToAll) combine(plan *capacity.Plan, y []float32) error {
	d.box.window.Arrive()
	if err := d.takeOutputs(); err != nil {
		return fmt.Errorf("layers: layer %d: combine: %w", plan.Layer, err)
	}
	if err := d.box.window.Await(); err != nil {
		return fmt.Errorf("layers: layer %d: combine: %w", plan.Layer, err)
	}
	d.add(plan, y)
	return d.lap.end()
}

// add adds up the outputs, which are all there.
func (d *allToAll) add(plan *capacity.Plan, y []float32) {
	d.plan, d.tokens = plan, y
	d.summing.run(len(plan.Offset) - 1)
}

// sumUp adds up the outputs of tokens [first, end).
func (d *allToAll) sumUp(first, end int) {
	h, plan := d.hidden, d.plan
	for t := first; t < end; t++ {
		out := d.tokens[t*h : (t+1)*h]
		clear(out)
		var rows [kernel.MostApart][]float32
		for from, to := plan.Offset[t], plan.Offset[t+1]; from < to; from += kernel.MostApart {
			weights := plan.Weight[from:min(to, from+kernel.MostApart)]
			for r := range weights {
				i := int(from) + r
				rows[r] = d.view[d.pairSlot[i]][int(d.pairRow[i])*h:]
			}
			kernel.AddApart(out, weights, &rows)
		}
	}
}
