package main

import (
	"fmt"
	"strings"

	"capmoe/runtime/study/figure"
	"capmoe/runtime/study/report"
)

// cell is a system at one capacity factor and number of ranks: medians over its runs,
// compared with dropless on as many ranks.
type cell struct {
	system     string
	gamma      float64 // 0: it has none
	ranks      int
	perplexity float64 // 0: no text went through a model
	change     float64 // of perplexity, over dropless, less 1
	mass, kept float64 // shares: lost gate mass, pairs kept of those routed
	gain       figure.Span
	bound      float64     // of the gain: pairs of the busiest rank, dropless over here
	wall       figure.Span // gain by wall time; zero: ranks shared cores
}

// cellsOf reads the cells of a study of one setting.
func cellsOf(r report.Record) []cell {
	tables := r.Sections[0].Tables
	var cells []cell
	base, baseWall := map[int]float64{}, map[int]figure.Span{}
	for i, row := range tables["cells"] {
		c := cell{
			system: row["system"].(string), gamma: number(row, "capacity_factor"), ranks: row["ranks"].(int),
			perplexity: number(row, "perplexity"), mass: number(row, "gate_mass_lost"), kept: number(row, "kept_share"),
			gain: spanOf(row, "moe_layer_speedup"), bound: number(row, "moe_layer_speedup_bound"),
		}
		wall := spanOf(tables["wall"][i], "wall_seconds")
		if c.system == dropless {
			base[c.ranks], baseWall[c.ranks] = c.perplexity, wall
		}
		if c.perplexity > 0 {
			c.change = c.perplexity/base[c.ranks] - 1
		} else if tables["wall"][i]["oversubscribed"] == "no" {
			c.wall = over(baseWall[c.ranks], wall)
		}
		cells = append(cells, c)
	}
	return cells
}

// over divides; the interval is the widest that the two allow. A system is 1 over
// itself.
func over(a, b figure.Span) figure.Span {
	if a == b {
		return figure.At(1)
	}
	return figure.Span{Mid: a.Mid / b.Mid, Low: a.Low / b.High, High: a.High / b.Low}
}

func number(row map[string]any, name string) float64 {
	v, _ := row[name].(float64)
	return v
}

func spanOf(row map[string]any, name string) figure.Span {
	return figure.Span{Mid: number(row, name), Low: number(row, name+"_min"), High: number(row, name+"_max")}
}

// stood is what the runs of a study stood on; where they differ, all of it.
func stood(r *report.Report) string {
	form := map[string]string{"commit": "commit %s", "CPU": "%s", "cores": "%s cores", "MPI": "%s", "kernels": "kernels %s"}
	var parts []string
	for _, t := range r.Tables {
		if t.Name != "environment" {
			continue
		}
		for _, row := range t.Rows {
			if verb, ok := form[row[0].(string)]; ok {
				parts = append(parts, fmt.Sprintf(verb, row[1]))
			}
		}
	}
	return strings.Join(parts, ", ")
}
