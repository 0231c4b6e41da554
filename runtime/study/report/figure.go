package report

import (
	"fmt"
	"strings"

	"capmoe/runtime/study/figure"
)

// Figure is a drawing with what it shows, in words and in numbers.
type Figure struct {
	Name    string // of its files
	Title   string
	Finding string // what is seen, for those who do not see it
	Caption string // how to read it
	Wide    bool
	Drawing figure.Drawing
	Data    Table
}

// span shows the least and the greatest of numbers.
func span(verb string, values []float64) string {
	s := spanOf(values)
	low, high := fmt.Sprintf(verb, s.Low), fmt.Sprintf(verb, s.High)
	if low == high {
		return low
	}
	return low + " to " + high
}

// named lists numbers with their names, such as "drop 1.31×, reroute 1.02×".
func named(verb string, names []string, values []float64) string {
	parts := make([]string, len(names))
	for i := range names {
		parts[i] = names[i] + " " + fmt.Sprintf(verb, values[i])
	}
	return strings.Join(parts, ", ")
}

// atFactor says which factor a figure of one factor shows.
func (s *setting) atFactor() string {
	if s.gamma == 0 {
		return ""
	}
	return fmt.Sprintf(" Systems with a capacity factor at γ %g.", s.gamma)
}

const intervals = " Points are medians over the repeats, bars reach from the least to the greatest."
