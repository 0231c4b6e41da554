package trace

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"capmoe/runtime/checkpoint"
)

// The tensors of a trace in safetensors: of every layer either all scores, or the
// recorded experts with theirs. Metadata top_k and num_experts are K and E.
const (
	probsTensor   = "layer%d.router_probs" // F32 [T, E]
	idsTensor     = "layer%d.topk_ids"     // I32 [T, M]
	weightsTensor = "layer%d.topk_weights" // F32 [T, M]
)

// openSafetensors reads a trace in safetensors.
func openSafetensors(path string) (*Trace, error) {
	file, err := checkpoint.OpenFile(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	t := &Trace{Path: path, Info: Info{Origin: "safetensors", Model: file.Metadata()["model"]}}
	if t.TopK, err = strconv.Atoi(file.Metadata()["top_k"]); err != nil {
		return nil, fmt.Errorf("trace: %s: metadata top_k is %q, want a number", path, file.Metadata()["top_k"])
	}
	numbers, whole := layersOf(file.Names(), ".router_probs"), true
	if len(numbers) == 0 {
		numbers, whole = layersOf(file.Names(), ".topk_weights"), false
		if t.Experts, err = strconv.Atoi(file.Metadata()["num_experts"]); err != nil && len(numbers) > 0 {
			return nil, fmt.Errorf("trace: %s: metadata num_experts is %q, want a number", path, file.Metadata()["num_experts"])
		}
	}
	if len(numbers) == 0 {
		return nil, fmt.Errorf("trace: %s: no tensor layerN.router_probs or layerN.topk_weights among %d", path, len(file.Names()))
	}
	t.Layers = numbers
	for i, n := range numbers {
		if err := t.readLayer(file, n, whole, i == 0); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// readLayer reads one layer; the first one gives the sizes.
func (t *Trace) readLayer(file *checkpoint.File, number int, whole, first bool) error {
	name := fmt.Sprintf(weightsTensor, number)
	if whole {
		name = fmt.Sprintf(probsTensor, number)
	}
	x, _ := file.Tensor(name)
	if len(x.Shape) != 2 {
		return fmt.Errorf("trace: %s: tensor %q has shape %v, want 2 dimensions", t.Path, name, x.Shape)
	}
	if first {
		t.Tokens, t.Recorded = x.Shape[0], x.Shape[1]
		if whole {
			t.Experts = t.Recorded
		}
	}
	c := Choices{Score: make([]float32, x.Elements())}
	if err := errors.Join(x.Expect("as in the first layer", t.Tokens, t.Recorded), x.Float32(c.Score)); err != nil {
		return err
	}
	if !whole {
		name = fmt.Sprintf(idsTensor, number)
		ids, there := file.Tensor(name)
		if !there {
			return fmt.Errorf("trace: %s: no tensor %q among %d", t.Path, name, len(file.Names()))
		}
		if err := ids.Expect("as the weights", t.Tokens, t.Recorded); err != nil {
			return err
		}
		experts := make([]int32, ids.Elements())
		if err := ids.Int32(experts); err != nil {
			return err
		}
		if _, err := expertsOf(experts, t.Experts); err != nil {
			return fmt.Errorf("trace: %s: tensor %q: %w", t.Path, name, err)
		}
		for _, e := range experts {
			c.Expert = append(c.Expert, uint16(e))
		}
	}
	t.Choices = append(t.Choices, c)
	return nil
}

// layersOf is the numbers N of the tensors layerN+ending, rising.
func layersOf(names []string, ending string) (numbers []int) {
	for _, name := range names {
		digits, found := strings.CutSuffix(name, ending)
		digits, of := strings.CutPrefix(digits, "layer")
		if n, err := strconv.Atoi(digits); err == nil && found && of && strconv.Itoa(n) == digits {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	return numbers
}

// WriteSafetensors writes a trace for other programs: all scores where they are known,
// else the recorded experts and theirs.
func WriteSafetensors(path string, t *Trace) error {
	meta := map[string]string{"top_k": strconv.Itoa(t.TopK), "num_experts": strconv.Itoa(t.Experts), "model": t.Model}
	var specs []checkpoint.Spec
	shape := []int{t.Tokens, t.Recorded}
	for _, n := range t.Layers {
		if t.Whole() {
			specs = append(specs, checkpoint.Spec{Name: fmt.Sprintf(probsTensor, n), DType: checkpoint.F32, Shape: shape})
			continue
		}
		specs = append(specs, checkpoint.Spec{Name: fmt.Sprintf(idsTensor, n), DType: checkpoint.I32, Shape: shape},
			checkpoint.Spec{Name: fmt.Sprintf(weightsTensor, n), DType: checkpoint.F32, Shape: shape})
	}
	w, err := checkpoint.Create(path, meta, specs)
	if err != nil {
		return err
	}
	defer w.Abort()
	for i, n := range t.Layers {
		name := fmt.Sprintf(probsTensor, n)
		if !t.Whole() {
			name = fmt.Sprintf(weightsTensor, n)
			ids := make([]int32, len(t.Choices[i].Expert))
			for j, e := range t.Choices[i].Expert {
				ids[j] = int32(e)
			}
			if err := w.AppendInt32(fmt.Sprintf(idsTensor, n), ids); err != nil {
				return err
			}
		}
		if err := w.AppendFloat32(name, t.Choices[i].Score); err != nil {
			return err
		}
	}
	return w.Close()
}
