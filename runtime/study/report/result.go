package report

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"

	"capmoe/runtime"
	"capmoe/runtime/study"
)

// run is a row that is understood.
type run struct {
	study.Row
	result *result // nil: the run failed
}

// result is what a run says of itself.
type result struct {
	runtime.EvaluationReport
	Perplexity *float64 `json:"perplexity"` // nil: no text went through a model
}

// understand decodes a line and checks what the figures rely on.
func understand(line []byte) (run, error) {
	var r run
	if err := json.Unmarshal(line, &r.Row); err != nil {
		return r, place(err, line)
	}
	if err := checkCell(r.Cell); err != nil {
		return r, err
	}
	if r.Repeat < 0 {
		return r, fmt.Errorf("cell %s: repeat %d, want 0 or more", r.Cell.ID, r.Repeat)
	}
	if r.Failure != "" {
		return r, nil
	}
	if len(r.Row.Result) == 0 || string(r.Row.Result) == "null" {
		return r, fmt.Errorf("cell %s, repeat %d: neither a result nor a failure", r.Cell.ID, r.Repeat)
	}
	r.result = new(result)
	if err := json.Unmarshal(r.Row.Result, r.result); err != nil {
		return r, fmt.Errorf("cell %s: result: %w", r.Cell.ID, place(err, r.Row.Result))
	}
	if err := checkResult(r.Cell, r.result); err != nil {
		return r, fmt.Errorf("cell %s: result: %w", r.Cell.ID, err)
	}
	r.Row.Result = nil
	return r, nil
}

// place adds to a fault of JSON where it is, and how long the text is.
func place(err error, text []byte) error {
	switch fault := err.(type) {
	case *json.SyntaxError:
		return fmt.Errorf("byte %d of %d: %w", fault.Offset, len(text), err)
	case *json.UnmarshalTypeError:
		if fault.Field == "" {
			return fmt.Errorf("byte %d of %d: %s, want an object", fault.Offset, len(text), fault.Value)
		}
		return fmt.Errorf("byte %d of %d: %s is %s, want %v", fault.Offset, len(text), fault.Field, fault.Value, fault.Type)
	}
	return err
}

func checkCell(c study.Cell) error {
	switch {
	case c.ID == "":
		return fmt.Errorf("cell.id is empty")
	case c.System == "":
		return fmt.Errorf("cell %s: system is empty", c.ID)
	case c.Ranks < 1:
		return fmt.Errorf("cell %s: ranks %d, want 1 or more", c.ID, c.Ranks)
	case c.Tokens < 0:
		return fmt.Errorf("cell %s: step_tokens %d, want 0 or more", c.ID, c.Tokens)
	case c.Scaling != "" && c.Scaling != "strong" && c.Scaling != "weak":
		return fmt.Errorf("cell %s: scaling %q, want strong or weak", c.ID, c.Scaling)
	case c.Gamma != nil && *c.Gamma <= 0:
		return fmt.Errorf("cell %s: capacity_factor %g, want more than 0", c.ID, *c.Gamma)
	}
	return nil
}

// most bounds numbers, so that sums and ratios of them stay numbers.
const most = 1e100

func checkResult(c study.Cell, r *result) error {
	if r.Ranks != c.Ranks {
		return fmt.Errorf("ranks %d, the cell has %d", r.Ranks, c.Ranks)
	}
	if r.Tokens < 1 {
		return fmt.Errorf("tokens %d, want 1 or more", r.Tokens)
	}
	numbers := map[string]float64{
		"critical_path_seconds": r.CriticalPath, "moe_layer_seconds": r.MoESeconds, "wall_seconds": r.Wall,
		"gate_mass_lost": r.GateMassLost, "rank_load_max_over_mean_after": r.RankImbalanceAfter,
		"expert_load_max_over_mean_before": r.ExpertImbalanceBefore, "kept": float64(r.Kept), "routed": float64(r.Routed),
	}
	if p := r.Perplexity; p != nil && !(*p >= 1 && *p <= most) {
		return fmt.Errorf("perplexity %g, want 1 to %g", *p, most)
	}
	if r.GateMassLost > 1 {
		return fmt.Errorf("gate_mass_lost %g, want 0 to 1", r.GateMassLost)
	}
	for phase, s := range r.Seconds {
		numbers["seconds."+phase] = s
	}
	if r.Attribution != nil {
		for _, cause := range causes {
			numbers["attribution.seconds."+cause.name] = math.Abs(cause.of(r.Attribution.Seconds))
		}
		for i, c := range r.Attribution.Counterfactual {
			numbers[fmt.Sprintf("attribution.counterfactual[%d].saved_seconds", i)] = math.Abs(c.Saved)
		}
	}
	for _, name := range sorted(numbers) {
		if v := numbers[name]; v < 0 || v > most {
			return fmt.Errorf("%s %g, want 0 to %g", name, v, most)
		}
	}
	return checkLayers(r)
}

func checkLayers(r *result) error {
	for i, l := range r.Layers {
		if n, m := len(l.ExpertLoadBefore), len(l.ExpertLoadAfter); n != m {
			return fmt.Errorf("layers[%d]: expert_load_before has %d experts, expert_load_after %d", i, n, m)
		}
		for name, loads := range map[string][]int64{"expert_load_before": l.ExpertLoadBefore, "expert_load_after": l.ExpertLoadAfter} {
			for e, n := range loads {
				if n < 0 {
					return fmt.Errorf("layers[%d]: %s[%d] is %d, want 0 or more", i, name, e, n)
				}
			}
		}
	}
	return nil
}

// isPolicy tells a policy of capmoe from another system's dialect.
func isPolicy(c study.Cell) bool { return c.Baseline == "" }

// base is the last part of a path.
func base(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }
