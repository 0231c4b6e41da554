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

// mixtures are the numbers of the layers that have experts.
func (e *Engine) mixtures() (numbers []int) {
	for l := range e.config.Model.Layers {
		if !e.config.Model.Dense.At(l) {
			numbers = append(numbers, l)
		}
	}
	return numbers
}

// ReadLoads reads the loads of the layers from a report, [layers][E], none for layers without
// experts. Rank 0 reads; its faults fail on all.
func (e *Engine) ReadLoads(path string) ([][]int64, error) {
	c, m := e.proc.Comm, e.config.Model
	flat := make([]int64, m.Layers*m.MoE.Experts)
	var fault error
	if c.Rank() == 0 {
		fault = readLoads(flat, path, e.mixtures(), m.MoE.Experts)
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

// readLoads reads the loads of the numbered layers from a report into flat [layers][E].
func readLoads(flat []int64, path string, numbers []int, experts int) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("runtime: loads: %w", err)
	}
	var report struct {
		Layers []struct {
			Layer int     `json:"layer"`
			Load  []int64 `json:"expert_load_before"`
		} `json:"layers"`
	}
	if err := json.Unmarshal(text, &report); err != nil {
		return fmt.Errorf("runtime: loads %s: %w", path, jsonFault(err, "the report of a run"))
	}
	if len(report.Layers) != len(numbers) {
		return fmt.Errorf("runtime: loads %s: field \"layers\" has %d entries, %d layers have experts", path, len(report.Layers), len(numbers))
	}
	for i, l := range report.Layers {
		if l.Layer != numbers[i] {
			return fmt.Errorf("runtime: loads %s: field \"layers\": entry %d is layer %d, want layer %d", path, i, l.Layer, numbers[i])
		}
		if len(l.Load) != experts {
			return fmt.Errorf("runtime: loads %s: layer %d: field \"expert_load_before\" has %d entries, the model %d experts", path, l.Layer, len(l.Load), experts)
		}
		for e, n := range l.Load {
			if n < 0 {
				return fmt.Errorf("runtime: loads %s: layer %d: field \"expert_load_before\" is %d for expert %d, want 0 or more", path, l.Layer, n, e)
			}
		}
		copy(flat[l.Layer*experts:], l.Load)
	}
	return nil
}

// checkRedundant faults on replicas without a place: a rank holds an expert once.
func checkRedundant(redundant, experts, ranks int) error {
	if most := experts * (ranks - 1); redundant < 0 || redundant > most {
		return fmt.Errorf("runtime: %d redundant experts, want 0 to %d: %d experts on %d ranks", redundant, most, experts, ranks)
	}
	return nil
}

// Rebalance places the experts of every layer by their loads, the same on every rank,
// with redundant replicas, and reads the weights that this rank now holds. Runs under
// Use follow it from then on. All ranks call it.
func (e *Engine) Rebalance(loads [][]int64, redundant int) error {
	ranks := e.proc.Comm.Size()
	if err := checkRedundant(redundant, e.config.Model.MoE.Experts, ranks); err != nil {
		return collective.Agree(e.proc.Comm, err)
	}
	e.placed = make([]layers.Placement, len(loads))
	for i, load := range loads {
		e.placed[i] = layers.Balance(load, ranks, redundant)
	}
	return e.readWeights()
}

// readWeights reads what this rank holds, in place of what it held before. What is wrong with headers ends all ranks before any of them
// reads more. All ranks call it.
func (e *Engine) readWeights() error {
	store, err := checkpoint.Open(e.dir)
	var found *checkpoint.Found
	if err == nil {
		defer store.Close()
		e.beside = e.config.Beside(store)
		found, err = checkpoint.FindWeights(store, e.config, e.held)
	}
	if err := collective.Agree(e.proc.Comm, err); err != nil {
		return err
	}
	if e.weights != nil {
		e.weights.Free()
	}
	e.weights, err = found.Read(e.kernels)
	return collective.Agree(e.proc.Comm, err)
}
