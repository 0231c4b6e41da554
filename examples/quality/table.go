package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"capmoe/layers/capacity"
	"capmoe/runtime"
)

// reference is the demo part of a model's reference.json.
type reference struct {
	MaxTokens int `json:"max_tokens"`
	Cases     []struct {
		Flags      []string
		Perplexity float64
	}
}

// readReference reads the model's reference; its cases are left out where the
// evaluation is another one than theirs.
func readReference(model string, v runtime.Evaluation) (reference, error) {
	path := filepath.Join(model, "reference.json")
	data, err := os.ReadFile(path)
	if err != nil {
		return reference{}, err
	}
	var file struct{ Demo reference }
	if err := json.Unmarshal(data, &file); err != nil {
		return reference{}, fmt.Errorf("%s: %w", path, err)
	}
	if file.Demo.MaxTokens != v.MaxTokens {
		file.Demo.Cases = nil
	}
	return file.Demo, nil
}

// find returns the reference's perplexity of a case.
func (r reference) find(flags []string, gamma float64) (float64, bool) {
	for _, c := range r.Cases {
		n := len(c.Flags)
		if n <= 2 || !slices.Equal(c.Flags[:n-2], flags) {
			continue
		}
		if theirs, err := strconv.ParseFloat(c.Flags[n-1], 64); err == nil && theirs == gamma {
			return c.Perplexity, true
		}
	}
	return 0, false
}

// table is the perplexities, and how far they are from the reference.
type table struct {
	ranks    int
	ref      reference
	lines    []string
	compared int
	worst    float64
}

func newTable(ranks int, ref reference) *table { return &table{ranks: ranks, ref: ref} }

func (t *table) add(scope capacity.Scope, gamma float64, c column, r *runtime.EvaluationReport) {
	cell := fmt.Sprintf("%.3f", r.Perplexity)
	if want, known := t.ref.find(c.flags, gamma); known && scope == capacity.Global && c.flags != nil {
		t.compared++
		t.worst = max(t.worst, math.Abs(r.Perplexity/want-1))
	}
	start := fmt.Sprintf("| %v | %v |", scope, gamma)
	if n := len(t.lines); n == 0 || !strings.HasPrefix(t.lines[n-1], start) {
		t.lines = append(t.lines, start)
	}
	t.lines[len(t.lines)-1] += " " + cell + " |"
}

func (t *table) print(w io.Writer) {
	fmt.Fprint(w, "| scope | γ |")
	for _, c := range columns() {
		fmt.Fprintf(w, " %s |", c.title)
	}
	fmt.Fprintf(w, "\n%s\n%s\n", "|---|---|"+strings.Repeat("---|", len(columns())), strings.Join(t.lines, "\n"))
	fmt.Fprintf(w, "\nPerplexity on %d ranks. %d cases are in reference.json; the largest relative difference is %.1e.\n", t.ranks, t.compared, t.worst)
}
