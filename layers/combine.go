package layers

import (
	"fmt"

	"capmoe/collective"
	"capmoe/layers/capacity"
	"capmoe/layers/kernel"
)

// combine computes y[t] = Σ weight · output over the token's pairs, best score first:
// y is [T_l, H]. Outputs of mates are read where they computed them. A token with no pair gets zero.
func (d *allToAll) combine(plan *capacity.Plan, y []float32) error {
	d.box.window.Arrive()
	if d.far {
		regroup(d, d.outputs, d.recv, func(output, recv []float32) { copy(recv, output) })
		d.count(d.hidden)
		if err := collective.AllToAllV(d.comm, d.send, d.sendCounts, d.recv, d.recvCounts); err != nil {
			return fmt.Errorf("layers: layer %d: combine: %w", plan.Layer, err)
		}
	}
	if err := d.box.window.Await(); err != nil {
		return fmt.Errorf("layers: layer %d: combine: %w", plan.Layer, err)
	}
	h := d.hidden
	clear(y)
	for t := range len(plan.Offset) - 1 {
		out := y[t*h : (t+1)*h]
		for i := plan.Offset[t]; i < plan.Offset[t+1]; i++ {
			kernel.AddWeighted(out, plan.Weight[i:i+1], d.view[d.pairSlot[i]][int(d.pairRow[i])*h:], h)
		}
	}
	return nil
}

// regroup walks the rows from ranks that are no mates, or their outputs, in the order in which they come, source and
// expert, and pairs those of each expert in recv with their place among all rows, [N, ·].
func regroup[T byte | float32](d *allToAll, rows, recv []T, move func(row, recv []T)) {
	start, all := 0, len(d.outputs)/d.hidden
	for i, n := range d.rowCounts {
		d.rowStart[i] = start
		start += n
	}
	if all == 0 {
		return
	}
	near, own, at, width := len(d.near), d.ofBox[d.box.self], 0, len(rows)/all
	for r, far := range d.headerFrom {
		for i, n := range d.table[r*near+own:][:len(d.owned)] {
			if far > 0 {
				from, size := d.rowStart[i]*width, int(n)*width
				move(rows[from:from+size], recv[at:at+size])
				at += size
			}
			d.rowStart[i] += int(n)
		}
	}
}
