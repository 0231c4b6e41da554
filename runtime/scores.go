package runtime

import (
	"fmt"
	"math"
	"slices"

	"capmoe/layers/capacity"
	"capmoe/runtime/checkpoint"
)

// ScoreFile says where router scores are and what they mean.
type ScoreFile struct {
	Path   string
	Tensor string // "": "scores", "logits", or the only tensor of two dimensions
	Logits bool   // apply the score function first
	// Sigmoid and PreSoftmax are Megatron's --moe-router-score-function and
	// --moe-router-pre-softmax. Without either, softmax runs over the chosen K only.
	Sigmoid, PreSoftmax bool
}

// scoreBlock is one rank's block of tokens.
type scoreBlock struct {
	scores  []float32 // [to-from, E]
	tokens  int       // T, over all ranks
	experts int
	from    int // the block's first token
}

// read maps the file and converts the rank's block of its rows.
func (f ScoreFile) read(rank, ranks int) (scoreBlock, error) {
	file, err := checkpoint.OpenFile(f.Path)
	if err != nil {
		return scoreBlock{}, err
	}
	defer file.Close()
	t, err := f.find(file)
	if err != nil {
		return scoreBlock{}, err
	}
	b := scoreBlock{tokens: t.Shape[0], experts: t.Shape[1]}
	if b.tokens > capacity.MaxTokens || b.experts < 1 {
		return b, fmt.Errorf("runtime: scores %s: tensor %q has shape %v, want at most %d tokens and at least 1 expert", f.Path, t.Name, t.Shape, capacity.MaxTokens)
	}
	b.from = rank * b.tokens / ranks
	to := (rank + 1) * b.tokens / ranks
	b.scores = make([]float32, (to-b.from)*b.experts)
	if err := t.Rows(b.from, to-b.from).Float32(b.scores); err != nil {
		return b, err
	}
	return b, f.check(t.Name, b)
}

// check reports a score that no score function gives: weights and lost gate mass would mean nothing.
func (f ScoreFile) check(tensor string, b scoreBlock) error {
	if f.Logits {
		return nil
	}
	for i, s := range b.scores {
		if s < 0 && !math.IsInf(float64(s), -1) {
			return fmt.Errorf("runtime: scores %s: tensor %q: token %d, expert %d: score %v, want 0 or more (or --input logits)", f.Path, tensor, b.from+i/b.experts, i%b.experts, s)
		}
	}
	return nil
}

func (f ScoreFile) find(file *checkpoint.File) (checkpoint.Tensor, error) {
	names := []string{f.Tensor}
	if f.Tensor == "" {
		names = []string{"scores", "logits"}
		var flat []string
		for _, name := range file.Names() {
			if t, _ := file.Tensor(name); len(t.Shape) == 2 {
				flat = append(flat, name)
			}
		}
		if len(flat) == 1 {
			names = flat
		}
	}
	for _, name := range names {
		t, ok := file.Tensor(name)
		if ok && len(t.Shape) != 2 {
			return t, fmt.Errorf("runtime: scores %s: tensor %q has shape %v, want 2 dimensions [T, E]", f.Path, name, t.Shape)
		}
		if ok {
			return t, nil
		}
	}
	const most = 8
	there := file.Names()
	return checkpoint.Tensor{}, fmt.Errorf("runtime: scores %s: no tensor %q among %d: %q …", f.Path, names[0], len(there), there[:min(most, len(there))])
}

// apply turns logits into scores in place, and returns how weights follow from them.
func (f ScoreFile) apply(b scoreBlock, topK int) capacity.Weighting {
	if !f.Logits {
		return capacity.Weighting{}
	}
	for at := 0; at < len(b.scores); at += b.experts {
		row := b.scores[at : at+b.experts]
		switch {
		case f.Sigmoid:
			for e, v := range row {
				row[e] = float32(1 / (1 + math.Exp(-float64(v))))
			}
		case f.PreSoftmax:
			softmaxOver(row, row)
		default:
			best := slices.Sorted(slices.Values(row))[b.experts-topK:]
			slices.Reverse(best)
			softmaxOver(row, best)
		}
	}
	return capacity.Weighting{Normalize: f.Sigmoid && topK > 1}
}

// softmaxOver computes row = exp(row) / Σ exp(over), in place: the softmax over some
// of its values, extended to the others.
func softmaxOver(row, over []float32) {
	top := slices.Max(over)
	sum := 0.0
	for _, v := range over {
		sum += math.Exp(float64(v - top))
	}
	for e, v := range row {
		row[e] = float32(math.Exp(float64(v-top)) / sum)
	}
}
