package runtime

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"strings"

	"capmoe/layers/capacity"
	"capmoe/layers/kernel"
)

// mark tells results of a request from those of the same id that were asked for in another
// way: short hashes of the prompt, of how it is continued, of the job, and the model's fingerprint.
func (r Request) mark(job, model string) string {
	asked := r
	asked.ID, asked.Tokens, asked.Mark = nil, nil, ""
	if r.Temperature == 0 {
		asked.Sampling = Sampling{} // which draws nothing
	}
	return shortHash(r.Tokens) + "-" + shortHash(asked) + "-" + shortHash(job) + "-" + model
}

// shortHash is of the JSON of a value.
func shortHash(v any) string {
	h := fnv.New32a()
	json.NewEncoder(h).Encode(v)
	return fmt.Sprintf("%08x", h.Sum32())
}

// sameMark is an error that says in what a result was asked for otherwise.
func sameMark(had, want string) error {
	if had == want {
		return nil
	}
	told, asked := strings.Split(had, "-"), strings.Split(want, "-")
	if len(told) == len(asked) {
		for i, differs := range []string{"prompt", "\"max_tokens\", sampling or stop strings", "--dtype, --ignore-eos or flags of capacity", "model"} {
			if told[i] != asked[i] {
				return fmt.Errorf("\"asked\" is %s, for this job it would be %s: another %s", had, want, differs)
			}
		}
	}
	return fmt.Errorf("\"asked\" is %q, for this job it would be %q", had, want)
}

// Settings is what of a job its results depend on, beside the requests: what only moves tokens otherwise is left out.
func (g Generation) Settings(r Routing, dtype kernel.DType) string {
	said := []any{dtype, g.IgnoreEOS}
	policy := r.Policy
	if policy.Order != capacity.Random {
		policy.Seed = 0
	}
	switch {
	case !r.Capped() && r.Baseline == "":
		said = append(said, capacity.Dropless, policy.RawWeights, policy.Renormalize)
	case !r.Capped():
		said = append(said, capacity.Dropless, false, capacity.KeepWeights)
	case r.Baseline == "":
		said = append(said, fmt.Sprintf("%#v", policy), g.CapacityInDecode, g.NoCache)
	default:
		said = append(said, r.Baseline, policy.Expert, r.Policy.Seed, g.CapacityInDecode, g.NoCache)
	}
	return fmt.Sprint(said...)
}
