package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"sort"
	"strconv"
	"testing"
)

// raw is a row as it is in the file, read without the package's own types.
type raw map[string]any

func (r raw) at(path ...string) any {
	var v any = map[string]any(r)
	for _, name := range path {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[name]
	}
	return v
}

func (r raw) number(path ...string) float64 { v, _ := r.at(path...).(float64); return v }

// rawCells are the rows of the fixture by system, γ and ranks.
func rawCells(t *testing.T) map[string][]raw {
	t.Helper()
	cells := map[string][]raw{}
	for _, line := range bytes.Split(bytes.TrimSpace(fixture(t)), []byte{'\n'}) {
		var r raw
		if err := json.Unmarshal(line, &r); err != nil {
			t.Fatal(err)
		}
		key := keyOf(fmt.Sprint(r.at("cell", "system")), r.number("cell", "capacity_factor"), r.number("cell", "ranks"))
		cells[key] = append(cells[key], r)
	}
	return cells
}

func keyOf(system string, gamma, ranks float64) string {
	return fmt.Sprintf("%s %g %g", system, gamma, ranks)
}

// three are the median, least and greatest of a number over rows.
func three(rows []raw, number func(raw) float64) [3]float64 {
	var v []float64
	for _, r := range rows {
		v = append(v, number(r))
	}
	sort.Float64s(v)
	middle := v[len(v)/2]
	if len(v)%2 == 0 {
		middle = (v[len(v)/2-1] + v[len(v)/2]) / 2
	}
	return [3]float64{middle, v[0], v[len(v)-1]}
}

// over divides medians, and ends to the widest.
func over(a, b [3]float64) [3]float64 { return [3]float64{a[0] / b[0], a[1] / b[2], a[2] / b[1]} }

// TestNumbersEqualTheRows recomputes every number of the tables of cells and of wall
// time, and of the figures' tables that are made of them, from the raw rows.
func TestNumbersEqualTheRows(t *testing.T) {
	cells := rawCells(t)
	page := parsePage(t, readFile(t, filepath.Join(written(t), Page)))
	field := func(path ...string) func(raw) float64 {
		return func(r raw) float64 { return r.number(append([]string{"result"}, path...)...) }
	}
	per := func(path ...string) func(raw) float64 {
		return func(r raw) float64 { return field(path...)(r) / field("tokens")(r) * 1e6 }
	}
	share := func(name string) func(raw) float64 {
		return func(r raw) float64 { return field(name)(r) / field("routed")(r) }
	}
	simple := map[string]func(raw) float64{
		"perplexity": field("perplexity"), "gate_mass_lost": field("gate_mass_lost"), "mass": field("gate_mass_lost"),
		"kept_share": share("kept"), "rerouted_share": share("rerouted"), "dropped_share": share("dropped"),
		"expert_load_max_over_mean": field("expert_load_max_over_mean_after"), "rank_load_max_over_mean": field("rank_load_max_over_mean_after"),
		"critical_path_seconds": field("critical_path_seconds"), "moe_layer_seconds": field("moe_layer_seconds"), "wall_seconds": field("wall_seconds"),
		"process_seconds": func(r raw) float64 { return r.number("elapsed_seconds") },
	}
	checked := map[string]int{}
	for _, row := range page.all("tr") {
		cols := row.all("td")
		values := map[string]*element{}
		for _, c := range cols {
			if name := c.attr["data-name"]; name != "" {
				values[name] = c
			}
		}
		if len(cols) == 0 || values["ranks"] == nil || values["seconds_per_million_tokens"] != nil && values["speedup"] == nil {
			continue
		}
		num := func(c *element, attr string) float64 { v, _ := strconv.ParseFloat(c.attr[attr], 64); return v }
		gamma, ranks := num(values["capacity_factor"], "data-value"), num(values["ranks"], "data-value")
		rows := cells[keyOf(cols[0].text, gamma, ranks)]
		if len(rows) != 2 {
			t.Fatalf("%s γ %g on %g ranks: %d rows, want 2", cols[0].text, gamma, ranks, len(rows))
		}
		check := func(name string, want [3]float64) {
			c := values[name]
			if c == nil || c.attr["data-value"] == "" {
				return
			}
			got := [3]float64{num(c, "data-value"), num(c, "data-min"), num(c, "data-max")}
			for i := range got {
				if math.Abs(got[i]-want[i]) > 1e-12*math.Abs(want[i]) {
					t.Errorf("%s γ %g on %g ranks: %s is %v, want %v", cols[0].text, gamma, ranks, name, got, want)
				}
			}
			checked[name]++
		}
		for name, number := range simple {
			check(name, three(rows, number))
		}
		dropless := cells[keyOf("dropless", 0, ranks)]
		up := over(three(dropless, per("moe_layer_seconds")), three(rows, per("moe_layer_seconds")))
		if cols[0].text == "dropless" {
			up = [3]float64{1, 1, 1}
		}
		check("moe_layer_speedup", up)
		if values["efficiency"] == nil {
			check("speedup", up)
		} else if wall := three(rows, per("wall_seconds")); num(values["seconds_per_million_tokens"], "data-value") == wall[0] {
			check("seconds_per_million_tokens", wall)
		} else {
			scaled := over(three(cells[keyOf(cols[0].text, gamma, 1)], per("critical_path_seconds")), three(rows, per("critical_path_seconds")))
			if ranks == 1 {
				scaled = [3]float64{1, 1, 1}
			}
			check("seconds_per_million_tokens", three(rows, per("critical_path_seconds")))
			check("speedup", scaled)
			check("efficiency", [3]float64{scaled[0] / ranks, scaled[1] / ranks, scaled[2] / ranks})
		}
	}
	for name, least := range map[string]int{
		"perplexity": 96, "gate_mass_lost": 48, "mass": 96, "kept_share": 48, "critical_path_seconds": 96, "wall_seconds": 48,
		"moe_layer_speedup": 48, "speedup": 100, "efficiency": 18, "process_seconds": 48,
	} {
		if checked[name] < least {
			t.Errorf("%d numbers of %s were checked, want %d or more", checked[name], name, least)
		}
	}
}
