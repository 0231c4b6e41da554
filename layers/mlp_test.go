package layers

import (
	"math"
	"testing"

	"capmoe/layers/kernel"
)

func TestActivation(t *testing.T) {
	clipped := Activation{Limit: 7, Alpha: 1.702}
	swish := func(g, alpha float64) float64 { return g / (1 + math.Exp(-alpha*g)) }
	for _, c := range []struct {
		rule     string
		a        Activation
		gate, up float32
		want     float64
	}{
		{"silu times up", Activation{}, 2, 3, swish(2, 1) * 3},
		{"silu of a negative gate", Activation{}, -2, 3, swish(-2, 1) * 3},
		{"silu far below zero vanishes", Activation{}, -1000, 3, 0},
		{"silu far above zero is the gate", Activation{}, 1000, 3, 3000},
		{"clipped within its limit", clipped, 2, 3, swish(2, 1.702) * 4},
		{"a large gate is cut", clipped, 8, 3, swish(7, 1.702) * 4},
		{"a gate far below zero is not", clipped, -8, 3, swish(-8, 1.702) * 4},
		{"a large up is cut", clipped, 2, 9, swish(2, 1.702) * 8},
		{"an up far below zero is cut", clipped, 2, -9, swish(2, 1.702) * -6},
	} {
		t.Run(c.rule, func(t *testing.T) {
			got := make([]float32, 1)
			kernel.GateTo(got, []float32{c.gate, c.up}, 1, kernel.Gate(c.a))
			if math.Abs(float64(got[0])-c.want) > 1e-6*(1+math.Abs(c.want)) {
				t.Errorf("%v, want %v", got[0], c.want)
			}
		})
	}
}
