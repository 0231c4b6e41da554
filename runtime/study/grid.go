package study

import (
	"fmt"
	"hash/fnv"
	"path"
	"strings"
)

// Run is one run of a cell.
type Run struct {
	Cell   Cell
	Repeat int // from 0
}

// Runs are all runs of the study, repeats interleaved: all cells once, then again.
func (d Definition) Runs() []Run {
	cells := d.Cells()
	runs := make([]Run, 0, len(cells)*d.Repeats)
	for repeat := range d.Repeats {
		for _, c := range cells {
			runs = append(runs, Run{c, repeat})
		}
	}
	return runs
}

// Cells are the grid: every combination of the axes that workload and system have,
// once. The definition is valid.
func (d Definition) Cells() []Cell {
	var cells []Cell
	for _, workload := range d.Workloads {
		models, shapes := workloadAxes(d, workload)
		for _, model := range models {
			for _, shape := range shapes {
				base := Cell{Model: model, Shape: shape, Workload: workload}
				cells = append(cells, d.cellsOf(base)...)
			}
		}
	}
	return cells
}

// workloadAxes are the models and shapes that a workload runs through.
func workloadAxes(d Definition, workload string) (models, shapes []string) {
	if kind, _, _ := strings.Cut(workload, ":"); kind == Text {
		return d.Models, none
	}
	if len(d.Shapes) == 0 {
		return none, none
	}
	return none, d.Shapes
}

// cellsOf are the cells of one workload through one model or shape.
func (d Definition) cellsOf(base Cell) []Cell {
	dtypes := d.DTypes
	if base.Model == "" && base.Shape == "" {
		dtypes = none
	}
	var cells []Cell
	for _, base.DType = range dtypes {
		for _, base.Scaling = range d.Scaling {
			for _, tokens := range d.StepTokens {
				for _, base.Ranks = range d.Ranks {
					base.Tokens = tokens
					if base.Scaling == Weak {
						base.Tokens *= base.Ranks
					}
					for _, name := range d.Systems {
						cells = append(cells, d.cellsOfSystem(base, name)...)
					}
				}
			}
		}
	}
	return cells
}

// cellsOfSystem are the cells of one system at one point of the other axes.
func (d Definition) cellsOfSystem(base Cell, name string) []Cell {
	s, _ := systemOf(name)
	base.System = name
	if s.baseline {
		base.Baseline = name
	} else {
		base.Policy = name
	}
	var cells []Cell
	for _, base.Gamma = range s.gammas(d) {
		for _, base.Scope = range s.scopes(d) {
			for _, base.Placement = range s.placements(d) {
				for _, base.Dispatch = range s.dispatchers(d, base.Placement) {
					base.ID = base.id()
					cells = append(cells, base)
				}
			}
		}
	}
	return cells
}

// id joins the axes. What is not fit for a file name, or too long, is told apart by a
// hash of the whole.
func (c Cell) id() string {
	parts := []string{c.Scaling, fmt.Sprintf("p%d", c.Ranks), c.System}
	if c.Gamma != nil {
		parts = append(parts, fmt.Sprintf("g%g", *c.Gamma))
	}
	parts = append(parts, fmt.Sprintf("t%d", c.Tokens))
	for _, axis := range []string{c.Scope, c.Dispatch, c.Placement, c.Model, c.Shape, c.Workload, c.DType} {
		if axis != "" {
			parts = append(parts, slug(axis))
		}
	}
	return strings.Join(parts, "-")
}

// slug is an axis value in an id: itself if it is a plain word, else its last part and
// a hash, so that different values stay different.
func slug(value string) string {
	const longest = 24
	plain := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '.' {
			return r
		}
		return '_'
	}, path.Base(value))
	if plain == value && len(plain) <= longest {
		return plain
	}
	hash := fnv.New32a()
	hash.Write([]byte(value))
	return fmt.Sprintf("%s.%08x", plain[:min(longest, len(plain))], hash.Sum32())
}
