package runtime

import (
	"fmt"
	"slices"

	"capmoe/collective"
	"capmoe/runtime/checkpoint"
)

// WriteLogits runs the sequences, the same on every rank, batch of them to a step (0:
// all in one), and writes float32 tensors logits.0, logits.1, … of shape [len, vocab]
// to a safetensors file. Hidden states go to rank 0, which is cheaper than logits;
// rank 0 multiplies them by the output matrix and writes. A fault of rank 0 fails on all.
func (e *Engine) WriteLogits(path string, sequences [][]int32, batch int) error {
	if batch < 1 {
		batch = max(1, len(sequences))
	}
	c := e.proc.Comm
	var w *checkpoint.Writer
	var fault error
	if c.Rank() == 0 {
		w, fault = checkpoint.Create(path, nil, logitSpecs(sequences, e.config.Model.Vocab))
		if fault == nil {
			defer w.Abort()
		}
	}
	if err := collective.Agree(c, fault); err != nil {
		return err
	}
	for first := 0; first < len(sequences); first += batch {
		step := sequences[first:min(first+batch, len(sequences))]
		hidden, err := e.gatherHidden(step)
		if err != nil {
			return err
		}
		if c.Rank() == 0 {
			fault = e.appendLogits(w, first, step, hidden)
		}
		if err := collective.Agree(c, fault); err != nil {
			return err
		}
	}
	if c.Rank() == 0 {
		fault = w.Close()
	}
	return collective.Agree(c, fault)
}

func logitSpecs(sequences [][]int32, vocab int) []checkpoint.Spec {
	specs := make([]checkpoint.Spec, len(sequences))
	for i, seq := range sequences {
		specs[i] = checkpoint.Spec{Name: logitName(i), DType: checkpoint.F32, Shape: []int{len(seq), vocab}}
	}
	return specs
}

func logitName(i int) string { return fmt.Sprintf("logits.%d", i) }

// gatherHidden runs one step and brings its final hidden states to rank 0, in order
// of sequence. Sequences are dealt in blocks, so that order is the order of ranks.
func (e *Engine) gatherHidden(step [][]int32) ([]float32, error) {
	c := e.proc.Comm
	s, err := e.step(step)
	if err != nil {
		return nil, err
	}
	e.meter.clock.stop()
	counts := make([]int, c.Size())
	for i, r := range dealSequences(step, c.Size()) {
		counts[r] += len(step[i]) * e.config.Model.Hidden
	}
	return Gather(c, s.hidden, counts)
}

func (e *Engine) appendLogits(w *checkpoint.Writer, first int, step [][]int32, hidden []float32) error {
	vocab, width := e.config.Model.Vocab, e.config.Model.Hidden
	logits := make([]float32, lossRows*vocab)
	for i, seq := range step {
		for at := 0; at < len(seq); at += lossRows {
			n := min(lossRows, len(seq)-at)
			e.model.Logits(logits[:n*vocab], hidden[:n*width])
			hidden = hidden[n*width:]
			if j := slices.IndexFunc(logits[:n*vocab], func(v float32) bool { return v-v != 0 }); j >= 0 {
				return fmt.Errorf("runtime: logits: sequence %d, token %d: %w: %v (token id %d of %d)", first+i, at+j/vocab, errNotFinite, logits[j], j%vocab, vocab)
			}
			if err := w.AppendFloat32(logitName(first+i), logits[:n*vocab]); err != nil {
				return err
			}
		}
	}
	return nil
}
