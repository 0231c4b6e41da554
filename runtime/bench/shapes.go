package bench

import (
	"fmt"
	"slices"
	"strings"
)

// Shape is the mixture of a released model.
type Shape struct {
	Name    string `json:"name"`
	Hidden  int    `json:"hidden"` // H
	Inner   int    `json:"inner"`  // F, of one expert
	Experts int    `json:"experts"`
	TopK    int    `json:"top_k"`
}

// Shapes are the mixtures that benchmarks know.
var Shapes = []Shape{
	{Name: "olmoe", Hidden: 2048, Inner: 1024, Experts: 64, TopK: 8},
	{Name: "mixtral", Hidden: 4096, Inner: 14336, Experts: 8, TopK: 2},
	{Name: "qwen2-moe", Hidden: 2048, Inner: 1408, Experts: 60, TopK: 4},
	{Name: "deepseek-v2-lite", Hidden: 2048, Inner: 1408, Experts: 64, TopK: 6},
}

// ShapeNames lists the names in the order of Shapes.
func ShapeNames() []string {
	var names []string
	for _, s := range Shapes {
		names = append(names, s.Name)
	}
	return names
}

// ShapeOf finds a shape by its name.
func ShapeOf(name string) (Shape, error) {
	i := slices.IndexFunc(Shapes, func(s Shape) bool { return s.Name == name })
	if i < 0 {
		return Shape{}, fmt.Errorf("bench: unknown shape %q, want one of %s", name, strings.Join(ShapeNames(), ", "))
	}
	return Shapes[i], nil
}

// weights is the number of weights of one expert.
func (s Shape) weights() int { return 3 * s.Hidden * s.Inner }
