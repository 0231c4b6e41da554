package trace

import (
	"slices"

	"capmoe/layers/capacity"
)

// Summary is what a recording holds, by layer.
type Summary struct {
	Path string `json:"path"`
	Set  string `json:"set,omitempty"`
	Kind string `json:"kind"` // tokens, or loads
	Info
	Tokens   int64 `json:"tokens"`
	Steps    int   `json:"steps,omitempty"` // as StepTokens cuts them; none of loads
	Requests int   `json:"requests,omitempty"`
	Measure
	// RankImbalance is max/mean load of ranks that hold the experts in blocks, in every
	// layer of every step: the median, and the largest.
	RankImbalance    float64 `json:"rank_load_max_over_mean_median"`
	RankImbalanceMax float64 `json:"rank_load_max_over_mean_max"`
	// Over is the share of all pairs beyond their expert's capacity at each of Gammas, if
	// the whole recording were one step; OverSteps in its steps.
	Over      []float64      `json:"share_over_capacity"`
	OverSteps []float64      `json:"share_over_capacity_in_steps,omitempty"`
	Layer     []LayerSummary `json:"by_layer"`
}

// Measure says what a summary is to measure.
type Measure struct {
	Gammas     []float64 `json:"capacity_factors"`
	Ranks      int       `json:"ranks"`
	StepTokens int       `json:"step_tokens"` // 0: as recorded
}

// LayerSummary is the part of one layer.
type LayerSummary struct {
	Layer            int       `json:"layer"`
	Load             []int64   `json:"expert_load"` // [E] pairs
	Imbalance        float64   `json:"expert_load_max_over_mean"`
	Busiest          int       `json:"busiest_expert"`
	Over             []float64 `json:"share_over_capacity"` // of its pairs, over the whole recording
	RankImbalance    float64   `json:"rank_load_max_over_mean_median"`
	RankImbalanceMax float64   `json:"rank_load_max_over_mean_max"`
}

// Summarize reads a stream to its end.
func Summarize(path string, s Stream, m Measure) (*Summary, error) {
	info := s.Info()
	out := &Summary{Path: path, Kind: tokensKind, Info: info, Measure: m}
	loads := make([][]int64, len(info.Layers))
	ratios := make([][]float64, len(info.Layers)) // max/mean rank load in every step
	where := capacity.Contiguous(info.Experts, m.Ranks)
	over, pairs := make([]int64, len(m.Gammas)), int64(0)
	var rows []float32
	var last uint32
	err := Each(Cut(s, m.StepTokens), func(step Step) error {
		for i := range info.Layers {
			var err error
			load := make([]int64, info.Experts)
			if rows, err = addLoads(load, rows, info, step, i); err != nil {
				return fileError(path, err)
			}
			loads[i] = append(loads[i], make([]int64, info.Experts-len(loads[i]))...)
			for e, n := range load {
				loads[i][e] += n
			}
			ratios[i] = append(ratios[i], capacity.MaxOverMean(where.RankLoads(load)))
			for g, gamma := range m.Gammas {
				over[g] += overCapacity(load, info.TopK, gamma)
			}
			pairs += sum(load)
		}
		for _, r := range step.Requests {
			if out.Requests == 0 || r.Request != last {
				out.Requests++
			}
			last = r.Request
		}
		out.Tokens += int64(step.Tokens)
		out.Steps++
		return nil
	})
	if err != nil {
		return nil, err
	}
	out.fill(loads, ratios)
	out.OverSteps = shares(over, pairs)
	return out, nil
}

// addLoads counts the top K of a step's tokens in the i-th layer.
func addLoads(load []int64, rows []float32, info Info, step Step, i int) ([]float32, error) {
	rows = append(rows[:0], make([]float32, rowsAtOnce*info.Experts)...)
	var c Choices
	for from := 0; from < step.Tokens; from += rowsAtOnce {
		to := min(from+rowsAtOnce, step.Tokens)
		step.Rows(rows, i, from, to)
		c.Expert, c.Score = c.Expert[:0], c.Score[:0]
		if err := c.best(rows[:(to-from)*info.Experts], info.Experts, info.TopK, step.First+from); err != nil {
			return rows, err
		}
		if c.Expert == nil { // K = E
			for e := range load {
				load[e] += int64(to - from)
			}
		}
		for j, e := range c.Expert {
			if c.Score[j] > negativeInfinity {
				load[e]++
			}
		}
	}
	return rows, nil
}

// Summary is what the counts say.
func (l *Loads) Summary(m Measure) *Summary {
	out := &Summary{Path: l.Path, Set: l.Set, Kind: loadsKind, Info: l.Info, Measure: m, Tokens: l.Tokens}
	where := capacity.Contiguous(l.Experts, m.Ranks)
	ratios := make([][]float64, len(l.Layers))
	for i, load := range l.Pairs {
		ratios[i] = []float64{capacity.MaxOverMean(where.RankLoads(load))}
	}
	out.fill(l.Pairs, ratios)
	return out
}

// fill puts the layers together.
func (s *Summary) fill(loads [][]int64, ratios [][]float64) {
	var all []float64
	over, pairs := make([]int64, len(s.Gammas)), int64(0)
	for i, load := range loads {
		l := LayerSummary{Layer: s.Layers[i], Load: load, Imbalance: capacity.MaxOverMean(load), Busiest: slices.Index(load, slices.Max(load))}
		l.RankImbalance, l.RankImbalanceMax = middle(ratios[i])
		n := sum(load)
		for g, gamma := range s.Gammas {
			if s.TopK == 0 {
				break // what a token chooses is not known, nor then a capacity
			}
			excess := overCapacity(load, s.TopK, gamma)
			over[g] += excess
			l.Over = append(l.Over, float64(excess)/float64(max(1, n)))
		}
		pairs += n
		all = append(all, ratios[i]...)
		s.Layer = append(s.Layer, l)
	}
	if s.TopK > 0 {
		s.Over = shares(over, pairs)
	}
	s.RankImbalance, s.RankImbalanceMax = middle(all)
}

// shares are parts of a whole.
func shares(parts []int64, whole int64) (shares []float64) {
	for _, n := range parts {
		shares = append(shares, float64(n)/float64(max(1, whole)))
	}
	return shares
}

// overCapacity is the pairs beyond the capacity of their expert, if all were of one step.
func overCapacity(load []int64, topK int, gamma float64) (over int64) {
	tokens := int(sum(load) / int64(topK))
	cfg := capacity.Config{Policy: capacity.Drop, Expert: capacity.Times(gamma)}
	c := cfg.Rows(capacity.Contiguous(len(load), 1), topK, tokens, 1)
	for _, n := range load {
		over += max(0, n-int64(c))
	}
	return over
}

// middle is the median and the largest of some values.
func middle(values []float64) (median, largest float64) {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2, sorted[n-1]
}
