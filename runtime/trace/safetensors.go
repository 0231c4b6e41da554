package trace

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"capmoe/runtime/checkpoint"
)

// openSafetensors reads layerN.router_probs, F32 [T, E], and the metadata's top_k.
func openSafetensors(path string) (*Trace, error) {
	file, err := checkpoint.OpenFile(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	t := &Trace{Path: path, Whole: true}
	if t.TopK, err = strconv.Atoi(file.Metadata()["top_k"]); err != nil {
		return nil, fmt.Errorf("trace: %s: metadata top_k is %q, want a number", path, file.Metadata()["top_k"])
	}
	for _, name := range file.Names() {
		number, ok := layerOf(name)
		if !ok {
			continue
		}
		x, _ := file.Tensor(name)
		if len(x.Shape) != 2 {
			return nil, fmt.Errorf("trace: %s: tensor %q has shape %v, want [T, E]", path, name, x.Shape)
		}
		if len(t.Layers) == 0 {
			t.Tokens, t.Experts = x.Shape[0], x.Shape[1]
		}
		if err := x.Expect("tokens × experts of the first layer", t.Tokens, t.Experts); err != nil {
			return nil, err
		}
		l := Layer{Number: number, Scores: make([]float32, x.Elements())}
		if err := x.Float32(l.Scores); err != nil {
			return nil, err
		}
		t.Layers = append(t.Layers, l)
	}
	slices.SortFunc(t.Layers, func(a, b Layer) int { return a.Number - b.Number })
	return t, nil
}

// layerOf reads N of "layerN.router_probs".
func layerOf(name string) (int, bool) {
	digits, found := strings.CutSuffix(strings.TrimPrefix(name, "layer"), ".router_probs")
	n, err := strconv.Atoi(digits)
	return n, found && err == nil && strings.HasPrefix(name, "layer")
}
