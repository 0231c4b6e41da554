package report

import (
	"slices"

	"capmoe/runtime/study"
	"capmoe/runtime/study/figure"
)

// cell is one point of the grid with its runs.
type cell struct {
	study.Cell
	runs     []run    // that succeeded
	failures []string // of those that did not
	crowded  bool     // some run had more ranks than cores
}

// over is the median, the least and the greatest of a number over the cell's runs,
// which are one or more.
func (c *cell) over(number func(*result) float64) figure.Span {
	values := make([]float64, len(c.runs))
	for i, r := range c.runs {
		values[i] = number(r.result)
	}
	return spanOf(values)
}

// spanOf is the median of values, the mean of the middle two of an even number, with
// the least and the greatest.
func spanOf(values []float64) figure.Span {
	v := slices.Clone(values)
	slices.Sort(v)
	n := len(v)
	return figure.Span{Mid: (v[(n-1)/2] + v[n/2]) / 2, Low: v[0], High: v[n-1]}
}

// ratio divides: the median by the median, and for the interval the widest that the two
// allow. It is zero where either may be, or the two are out of all proportion.
func ratio(a, b figure.Span) figure.Span {
	const far = 1e9
	if a.Low <= 0 || b.Low <= 0 || a.High/far > b.Low || b.High/far > a.Low {
		return figure.Span{}
	}
	return figure.Span{Mid: a.Mid / b.Mid, Low: a.Low / b.High, High: a.High / b.Low}
}

func (c *cell) perplexity() (figure.Span, bool) {
	for _, r := range c.runs {
		if r.result.Perplexity == nil {
			return figure.Span{}, false
		}
	}
	return c.over(func(r *result) float64 { return *r.Perplexity }), true
}

func (c *cell) massLost() figure.Span {
	return c.over(func(r *result) float64 { return r.GateMassLost })
}

// Seconds for a million tokens, so that runs of different length compare.
func (c *cell) critical() figure.Span {
	return c.perMillion(func(r *result) float64 { return r.CriticalPath })
}
func (c *cell) mixture() figure.Span {
	return c.perMillion(func(r *result) float64 { return r.MoESeconds })
}
func (c *cell) wall() figure.Span { return c.perMillion(func(r *result) float64 { return r.Wall }) }

func (c *cell) perMillion(seconds func(*result) float64) figure.Span {
	return c.over(func(r *result) float64 { return seconds(r) / float64(r.Tokens) * 1e6 })
}

// slowest is the mean load of the most loaded rank, in pairs per token: what bounds the
// mixture's time where the rest costs nothing.
func (c *cell) slowest() figure.Span {
	return c.over(func(r *result) float64 { return r.RankImbalanceAfter * float64(r.Kept) / float64(r.Tokens) })
}

// timed tells whether the cell's runs computed the experts.
func (c *cell) timed() bool { return c.Model != "" || c.Shape != "" }
