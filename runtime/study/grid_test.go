package study

import (
	"fmt"
	"regexp"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// drawn is a valid definition.
func drawn(t *rapid.T) Definition {
	d := Default()
	pick := func(name string, from ...string) []string {
		return rapid.SliceOfNDistinct(rapid.SampledFrom(from), 1, min(3, len(from)), rapid.ID[string]).Draw(t, name)
	}
	d.Ranks = rapid.SliceOfNDistinct(rapid.IntRange(1, 16), 1, 3, rapid.ID[int]).Draw(t, "ranks")
	d.Scaling = pick("scaling", Strong, Weak)
	d.Systems = append(pick("systems", SystemNames()...), "dropless")
	slices.Sort(d.Systems)
	d.Systems = slices.Compact(d.Systems)
	d.Gamma = rapid.SliceOfNDistinct(rapid.Float64Range(0.1, 4), 1, 3, rapid.ID[float64]).Draw(t, "gamma")
	d.Scopes = pick("scopes", "global", "local")
	d.Dispatchers = pick("dispatchers", "alltoall", "allgather")
	d.Placements = pick("placements", Contiguous, EPLB)
	d.Models = pick("models", "a", "x/a", "y/a", "a b", "ä")
	d.Shapes = rapid.SampledFrom([][]string{nil, {"olmoe"}, {"olmoe", "mixtral"}}).Draw(t, "shapes")
	d.Workloads = pick("workloads", "text:a", "text:b/a", "trace:a", "synthetic:skewed", "synthetic:zipf:1.0")
	d.DTypes = pick("dtypes", "f32", "bf16")
	d.StepTokens = rapid.SliceOfNDistinct(rapid.SampledFrom([]int{256, 512, 1024}), 1, 2, rapid.ID[int]).Draw(t, "tokens")
	d.Repeats = rapid.IntRange(1, 3).Draw(t, "repeats")
	if faults := d.Validate(); faults != nil {
		t.Fatalf("drawn is not valid: %v", faults)
	}
	return d
}

// plainCells counts every combination of all axes, each axis that a cell does not have
// set to one value: a dumb twin of Cells.
func plainCells(d Definition) map[string]bool {
	shapes := d.Shapes
	if len(shapes) == 0 {
		shapes = none
	}
	cells := map[string]bool{}
	for _, ranks := range d.Ranks {
		for _, scaling := range d.Scaling {
			for _, tokens := range d.StepTokens {
				for _, name := range d.Systems {
					for _, gamma := range d.Gamma {
						for _, scope := range d.Scopes {
							for _, wire := range d.Dispatchers {
								for _, placement := range d.Placements {
									for _, model := range d.Models {
										for _, shape := range shapes {
											for _, workload := range d.Workloads {
												for _, dtype := range d.DTypes {
													gamma, scope, wire, placement, model, shape, dtype := gamma, scope, wire, placement, model, shape, dtype
													s, _ := systemOf(name)
													if !s.capped {
														gamma, scope = 0, ""
													}
													if s.baseline {
														scope, wire = "", ""
													}
													if name == EPLB {
														placement = EPLB
													} else if name != "dropless" {
														placement = Contiguous
													}
													if placement == EPLB {
														wire = ""
													}
													if workload[:4] == Text {
														shape = ""
													} else if model = ""; shape == "" {
														dtype = ""
													}
													total := tokens
													if scaling == Weak {
														total *= ranks
													}
													cells[fmt.Sprint(ranks, scaling, tokens, total, name, gamma, scope, wire, placement, "|", model, "|", shape, "|", workload, dtype)] = true
												}
											}
										}
									}
								}
							}
						}
					}
				}
			}
		}
	}
	return cells
}

// Every combination is there once, under an id of its own that is fit for a file name;
// repeats are interleaved.
func TestGrid(t *testing.T) {
	fit := regexp.MustCompile(`^[A-Za-z0-9._-]{1,255}$`)
	rapid.Check(t, func(t *rapid.T) {
		d := drawn(t)
		cells, want := d.Cells(), plainCells(d)
		ids := map[string]bool{}
		got := map[string]bool{}
		for _, c := range cells {
			if !fit.MatchString(c.ID) {
				t.Fatalf("id %q is not fit for a file name", c.ID)
			}
			ids[c.ID] = true
			gamma, per := 0.0, c.Tokens
			if c.Gamma != nil {
				gamma = *c.Gamma
			}
			if c.Scaling == Weak {
				per /= c.Ranks
			}
			key := fmt.Sprint(c.Ranks, c.Scaling, per, c.Tokens, c.System, gamma, c.Scope, c.Dispatch, c.Placement, "|", c.Model, "|", c.Shape, "|", c.Workload, c.DType)
			if got[key] || !want[key] {
				t.Fatalf("cell %s twice, or not of the grid", key)
			}
			got[key] = true
			if (c.Policy == "") == (c.Baseline == "") || c.System != c.Policy+c.Baseline {
				t.Fatalf("system %q, policy %q, baseline %q", c.System, c.Policy, c.Baseline)
			}
		}
		if len(ids) != len(cells) || len(got) != len(want) {
			t.Fatalf("%d cells, %d ids, %d combinations, want %d of each", len(cells), len(ids), len(got), len(want))
		}
		for i, r := range d.Runs() {
			if r.Repeat != i/len(cells) || r.Cell.ID != cells[i%len(cells)].ID {
				t.Fatalf("run %d is repeat %d of %s", i, r.Repeat, r.Cell.ID)
			}
		}
	})
}

// The grid of the shipped study: systems without a capacity run once, not per factor.
func TestGridOfSystems(t *testing.T) {
	d := Default()
	d.Ranks = []int{1, 2, 4, 8}
	d.Gamma = []float64{1, 1.25, 1.5, 2}
	d.Systems = []string{"dropless", "drop", "reroute", "expanded", "megatron-alltoall", "megatron-allgather", "megatron-probs", "megatron-position", "megatron-pad", "eplb"}
	if n := len(d.Cells()); n != 4*(4+6*4) {
		t.Errorf("%d cells, want %d", n, 4*(4+6*4))
	}
}
