package report

import (
	"cmp"
	"fmt"
	"slices"

	"capmoe/runtime/attribution"
	"capmoe/runtime/study/figure"
)

// causes are the parts of a straggler's time, and what they are called. The last two
// are wall time, which says nothing where ranks share cores.
var causes = []struct {
	name, label string
	of          func(attribution.Seconds) float64
}{
	{"token_imbalance", "token imbalance", func(s attribution.Seconds) float64 { return s.TokenImbalance }},
	{"slower_hardware", "slower hardware", func(s attribution.Seconds) float64 { return s.SlowerHardware }},
	{"arrival_skew", "arrival skew", func(s attribution.Seconds) float64 { return s.ArrivalSkew }},
	{"wire", "wire", func(s attribution.Seconds) float64 { return s.Wire }},
	{"waiting", "waiting", func(s attribution.Seconds) float64 { return s.Waiting }},
}

const ofWall = 2 // causes that are wall time

// attributed tells whether every run of a cell says where its straggler's time went.
func (c *cell) attributed() bool {
	return !slices.ContainsFunc(c.runs, func(r run) bool { return r.result.Attribution == nil })
}

// stragglers is the slowest rank's time by cause, stacked, of every cell at the
// setting's ranks whose runs have it.
func (s *setting) stragglers() (Figure, bool) {
	f := Figure{Name: "stragglers", Title: "What the slowest rank costs", Wide: true, Data: Table{Columns: []Column{
		{Name: "system", Label: "system"}, {Name: "capacity_factor", Label: "γ", Verb: "%g"}, {Name: "ranks", Label: "ranks", Verb: "%d"},
		{Name: "cause", Label: "cause"}, {Name: "seconds_per_million_tokens", Label: "s per 10⁶ tokens", Verb: "%.3f", Span: true},
	}}}
	bars := figure.Bars{X: "seconds per million tokens", First: 3}
	drawn := causes
	if s.crowded() {
		drawn = causes[:len(causes)-ofWall]
	}
	for _, c := range drawn {
		bars.Parts = append(bars.Parts, c.label)
	}
	var opening *cell
	for _, x := range s.series {
		for j, c := range x.at(s.focus) {
			if !c.attributed() {
				continue
			}
			bar := figure.Bar{Label: x.label(c), Color: x.color(), Apart: j == 0 && len(bars.Bars) > 0}
			for i, cause := range causes {
				v := c.perMillion(func(r *result) float64 { return cause.of(r.Attribution.Seconds) })
				if i < len(drawn) {
					bar.Parts = append(bar.Parts, v.Mid)
				}
				f.Data.add(x.name, gammaValue(c), c.Ranks, cause.name, v)
			}
			if opening == nil {
				opening = c
			}
			bar.Total = c.perMillion(func(r *result) float64 { return sumOf(r.Attribution.Seconds, len(drawn)) })
			bar.Note = fmt.Sprintf("%.3g · %s", bar.Total.Mid, c.culprit())
			bars.Bars = append(bars.Bars, bar)
		}
	}
	f.Drawing = bars
	if len(bars.Bars) == 0 {
		return f, false
	}
	first := bars.Bars[0]
	most := slices.Index(first.Parts, slices.Max(first.Parts))
	f.Finding = fmt.Sprintf("Of %s, the largest part is %s: %.1f seconds per million tokens of %.1f; named most is %s.%s", first.Label, bars.Parts[most], first.Parts[most], first.Total.Mid, opening.culprit(), opening.remedy())
	f.Caption = fmt.Sprintf("On %d ranks. Token imbalance, slower hardware and arrival skew make up what the slowest rank works more than the mean rank%s. A part left of zero: the slowest rank has less of it than the mean. Medians; the line on a bar from the least to the greatest sum over the repeats. Beside it the sum, and the rank, layer and expert that are named most.", s.focus, s.exchanges())
	return f, true
}

// crowded tells whether ranks shared cores at the setting's number of ranks.
func (s *setting) crowded() bool {
	return s.countSeries(func(c *cell) bool { return c.Ranks == s.focus && c.crowded }) > 0
}

// exchanges says what the causes are that are wall time.
func (s *setting) exchanges() string {
	if s.crowded() {
		return "; ranks shared cores, so wire and waiting, which are wall time, are in the data only, and arrival skew holds waiting for a core"
	}
	return "; wire and waiting are the mean rank's time in exchanges"
}

// sumOf adds the first causes up.
func sumOf(seconds attribution.Seconds, first int) (sum float64) {
	for _, c := range causes[:first] {
		sum += c.of(seconds)
	}
	return sum
}

// culprit is who most runs name; the first such.
func (c *cell) culprit() string {
	named, most := map[string]int{}, ""
	for _, r := range c.runs {
		who := slowest(r.result.Attribution)
		if named[who]++; most == "" || named[who] > named[most] {
			most = who
		}
	}
	return most
}

// slowest is the rank, and the layer and expert where they are named.
func slowest(f *attribution.Finding) string {
	who := fmt.Sprintf("rank %d", f.Slowest)
	if f.Layer != nil {
		who += fmt.Sprintf(", layer %d", *f.Layer)
	}
	if f.Expert != nil {
		who += fmt.Sprintf(", expert %d", *f.Expert)
	}
	return who
}

// saved is what each counterfactual of the cell's runs would have saved, in seconds per
// million tokens, and their names from the most on.
func (c *cell) saved() (names []string, spans map[string]figure.Span) {
	values := map[string][]float64{}
	for _, r := range c.runs {
		if r.result.Attribution == nil {
			continue
		}
		for _, f := range r.result.Attribution.Counterfactual {
			values[f.What] = append(values[f.What], f.Saved/float64(r.result.Tokens)*1e6)
		}
	}
	spans = map[string]figure.Span{}
	for what, v := range values {
		spans[what] = spanOf(v)
	}
	names = sorted(spans)
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(spans[b].Mid, spans[a].Mid) })
	return names, spans
}

// remedy says what would have saved most, of what can be done.
func (c *cell) remedy() string {
	names, spans := c.saved()
	names = slices.DeleteFunc(names, attribution.Bound)
	if len(names) == 0 || spans[names[0]].Mid <= 0 {
		return ""
	}
	return fmt.Sprintf(" %s would have saved %.2f seconds per million tokens.", names[0], spans[names[0]].Mid)
}

// savings is what something else would have saved, per cell.
func (s *setting) savings() (Table, bool) {
	t := Table{Name: "counterfactuals", Title: "What would have saved time", Columns: []Column{
		{Name: "system", Label: "system"}, {Name: "capacity_factor", Label: "γ", Verb: "%g"}, {Name: "ranks", Label: "ranks", Verb: "%d"},
		{Name: "what", Label: "what"}, {Name: "saved_seconds_per_million_tokens", Label: "saved s per 10⁶ tokens", Verb: "%.3f", Span: true},
	}, Note: "Counterfactuals of the runs' own attribution, over the repeats that name them."}
	for _, x := range s.series {
		for _, c := range x.cells {
			names, spans := c.saved()
			for _, what := range names {
				t.add(x.name, gammaValue(c), c.Ranks, what, spans[what])
			}
		}
	}
	return t, len(t.Rows) > 0
}

// rankTimes is what every rank of the cells at the setting's ranks took.
func (s *setting) rankTimes() (Table, bool) {
	t := Table{Name: "ranks", Title: "Seconds of each rank", Columns: []Column{
		{Name: "system", Label: "system"}, {Name: "capacity_factor", Label: "γ", Verb: "%g"}, {Name: "repeat", Label: "repeat", Verb: "%d"},
		{Name: "rank", Label: "rank", Verb: "%d"}, {Name: "host", Label: "host"},
		{Name: "cpu_seconds", Label: "CPU s", Verb: "%.3f"}, {Name: "wall_seconds", Label: "wall s", Verb: "%.3f"},
	}, Note: "Sums over the phases."}
	for _, x := range s.series {
		for _, c := range x.at(s.focus) {
			for _, r := range c.runs {
				for _, k := range r.result.RankSeconds {
					t.add(x.name, gammaValue(c), r.Repeat, k.Rank, k.Host, total(k.CPU), total(k.Wall))
				}
			}
		}
	}
	return t, len(t.Rows) > 0
}

func total(seconds map[string]float64) (s float64) {
	for _, name := range sorted(seconds) {
		s += seconds[name]
	}
	return s
}
