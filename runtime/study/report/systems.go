package report

import (
	"slices"

	"capmoe/runtime/study/figure"
)

// systems is the order of the report, and so the colours, which are the same in every
// report.
var systems = []string{
	"dropless", "drop", "reroute", "expanded", "megatron-probs", "megatron-position", "megatron-pad", "megatron-alltoall",
	"megatron-allgather", "eplb", "deepspeed", "tutel", "fastmoe-switch", "megablocks", "authors-drop", "authors-expanded",
}

// hues are the colours of systems, by place.
var hues = []int{0, 1, 2, 3, 4, 5, 7, 8, 10, 6, 11, 9, 8, 10, 1, 3}

func rankOf(system string) int {
	if i := slices.Index(systems, system); i >= 0 {
		return i
	}
	return len(systems)
}

// color is the same for a system in every figure.
func (x *series) color() figure.Color {
	if i := rankOf(x.system); i < len(systems) {
		return figure.Hue(hues[i])
	}
	sum := 0
	for _, b := range []byte(x.system) {
		sum += int(b)
	}
	return figure.Hue(sum)
}

// line is an empty series of a figure: a baseline's is dashed.
func (x *series) line() figure.Series {
	return figure.Series{Label: x.name, Color: x.color(), Dashed: !x.policy || x.variants > 0, Shape: rankOf(x.system) + 2*x.variants}
}
