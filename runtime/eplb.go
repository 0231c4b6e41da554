package runtime

import (
	"encoding/json"
	"fmt"
	"os"

	"capmoe/collective"
	"capmoe/layers"
	"capmoe/runtime/checkpoint"
)

// Measure runs one step of sequences dropless and returns what each expert of each
// layer was sent, [layers][E], the same on every rank.
func (e *Engine) Measure(sequences [][]int32) ([][]int64, error) {
	if err := e.Use(Routing{}); err != nil {
		return nil, err
	}
	if _, err := e.step(sequences); err != nil {
		return nil, err
	}
	loads := make([][]int64, len(e.meter.layers))
	for i := range loads {
		loads[i] = e.meter.layers[i].before
	}
	return loads, nil
}

// ReadLoads reads the loads of the layers from a report. Rank 0 reads; its faults fail
// on all.
func (e *Engine) ReadLoads(path string) ([][]int64, error) {
	c, m := e.proc.Comm, e.config.Model
	flat := make([]int64, m.Layers*m.MoE.Experts)
	var fault error
	if c.Rank() == 0 {
		fault = readLoads(flat, path, m.Layers, m.MoE.Experts)
	}
	if err := collective.Agree(c, fault); err != nil {
		return nil, err
	}
	if err := collective.Broadcast(c, flat, 0); err != nil {
		return nil, err
	}
	loads := make([][]int64, m.Layers)
	for i := range loads {
		loads[i] = flat[i*m.MoE.Experts : (i+1)*m.MoE.Experts]
	}
	return loads, nil
}

func readLoads(flat []int64, path string, numLayers, experts int) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("runtime: loads: %w", err)
	}
	var report struct {
		Layers []struct {
			Load []int64 `json:"expert_load_before"`
		} `json:"layers"`
	}
	if err := json.Unmarshal(text, &report); err != nil {
		return fmt.Errorf("runtime: loads %s: %w", path, err)
	}
	if len(report.Layers) != numLayers {
		return fmt.Errorf("runtime: loads %s: field \"layers\" has %d entries, the model %d layers", path, len(report.Layers), numLayers)
	}
	for i, l := range report.Layers {
		if len(l.Load) != experts {
			return fmt.Errorf("runtime: loads %s: layer %d: field \"expert_load_before\" has %d entries, the model %d experts", path, i, len(l.Load), experts)
		}
		copy(flat[i*experts:], l.Load)
	}
	return nil
}

// Rebalance places the experts of every layer by their loads, the same on every rank,
// with redundant replicas, and reads the weights that this rank now holds. Runs under
// Use follow it from then on. All ranks call it.
func (e *Engine) Rebalance(loads [][]int64, redundant int) error {
	ranks := e.proc.Comm.Size()
	if most := e.config.Model.MoE.Experts * (ranks - 1); redundant < 0 || redundant > most {
		return collective.Agree(e.proc.Comm, fmt.Errorf("runtime: %d redundant experts, want 0 to %d: %d experts on %d ranks", redundant, most, e.config.Model.MoE.Experts, ranks))
	}
	e.placed = make([]layers.Placement, len(loads))
	for i, load := range loads {
		e.placed[i] = layers.Balance(load, ranks, redundant)
	}
	return collective.Agree(e.proc.Comm, e.readWeights())
}

// readWeights reads what this rank holds, in place of what it held before.
func (e *Engine) readWeights() error {
	store, err := checkpoint.Open(e.dir)
	if err != nil {
		return err
	}
	defer store.Close()
	if e.weights != nil {
		e.weights.Free()
	}
	e.weights, err = checkpoint.LoadWeights(store, e.config, e.kernels, e.held)
	return err
}
