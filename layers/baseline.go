package layers

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"capmoe/layers/capacity"
)

// Dialect is how another system drops, rounds, orders and sends: a capacity policy and
// a wire, on the same transport and kernels.
type Dialect struct {
	Policy capacity.Config
	Wire   Wire
}

// Validate reports a wire that the policy does not fit.
func (d Dialect) Validate() error {
	_, bounded := d.Policy.Expert.Gamma()
	if d.Wire == Padded && (!bounded || d.Policy.Policy != capacity.Drop || d.Policy.Scope != capacity.Local) {
		return fmt.Errorf("layers: padding to capacity needs policy drop, scope local and an expert capacity factor; policy is %v, scope %v", d.Policy.Policy, d.Policy.Scope)
	}
	if d.Wire == AllGather && d.Policy.AfterDispatch {
		return fmt.Errorf("layers: pairs refused after dispatch travel by alltoall, not by %v", d.Wire)
	}
	return nil
}

// baselines are the systems that --baseline names. gamma is the capacity factor.
var baselines = map[string]func(gamma capacity.Factor, topK int) Dialect{
	// Megatron-Core, dropless, all-to-all-v.
	"megatron-alltoall": func(capacity.Factor, int) Dialect { return Dialect{} },
	// DeepSeek's EPLB: dropless, with experts placed and replicated by measured loads,
	// which the engine does (see Balance).
	"eplb": func(capacity.Factor, int) Dialect { return Dialect{} },
	// Megatron-Core's allgather dispatcher.
	"megatron-allgather": func(capacity.Factor, int) Dialect { return Dialect{Wire: AllGather} },
	// Megatron-Core, --moe-token-drop-policy probs.
	"megatron-probs": func(gamma capacity.Factor, _ int) Dialect {
		return Dialect{Policy: local(gamma, capacity.MegatronLM, capacity.FinalWeights)}
	},
	// Megatron-Core, --moe-token-drop-policy position.
	"megatron-position": func(gamma capacity.Factor, _ int) Dialect {
		return Dialect{Policy: local(gamma, capacity.MegatronLM, capacity.Position)}
	},
	// Megatron-Core, --moe-pad-expert-input-to-capacity.
	"megatron-pad": func(gamma capacity.Factor, _ int) Dialect {
		return Dialect{Policy: local(gamma, capacity.MegatronLM, capacity.FinalWeights), Wire: Padded}
	},
	// DeepSpeed-MoE: random token selection at K = 1, all first choices before any
	// second at K = 2, scores beyond.
	"deepspeed": func(gamma capacity.Factor, topK int) Dialect {
		order := capacity.Probs
		if topK <= 2 {
			order = []capacity.Order{capacity.Random, capacity.Choices}[topK-1]
		}
		d := Dialect{Policy: local(gamma, capacity.DeepSpeed, order), Wire: Padded}
		if topK >= 2 {
			d.Policy.Renormalize = capacity.UnitMass
		}
		return d
	},
	// Tutel with a positive capacity factor.
	"tutel": func(gamma capacity.Factor, _ int) Dialect {
		return Dialect{Policy: local(gamma, capacity.Tutel, capacity.Choices), Wire: Padded}
	},
	// FastMoE's Switch gate: an expert's rows are granted in order of rank.
	"fastmoe-switch": func(gamma capacity.Factor, _ int) Dialect {
		return Dialect{Policy: capacity.Config{Policy: capacity.Drop, Expert: gamma, Rounding: capacity.FastMoE, Order: capacity.Arrival}}
	},
	// MegaBlocks' dropping MoE: cut after dispatch, which saves compute and no bytes.
	"megablocks": func(gamma capacity.Factor, _ int) Dialect {
		return Dialect{Policy: capacity.Config{
			Policy: capacity.Drop, Expert: gamma, Rounding: capacity.MegaBlocks, Order: capacity.Arrival, AfterDispatch: true,
		}}
	},
	// The paper's own code on every rank: Token Drop.
	"authors-drop": func(gamma capacity.Factor, _ int) Dialect {
		return Dialect{Policy: local(gamma, capacity.Authors, capacity.Probs)}
	},
	// The paper's own code on every rank: Expanded Drop with the rank's own experts.
	"authors-expanded": func(gamma capacity.Factor, _ int) Dialect {
		d := Dialect{Policy: local(gamma, capacity.Authors, capacity.Probs)}
		d.Policy.Policy = capacity.Expanded
		return d
	},
}

func local(gamma capacity.Factor, r capacity.Rounding, o capacity.Order) capacity.Config {
	return capacity.Config{Policy: capacity.Drop, Scope: capacity.Local, Expert: gamma, Rounding: r, Order: o}
}

// Baseline returns a system's dialect for a model's top K.
func Baseline(name string, gamma capacity.Factor, topK int) (Dialect, error) {
	dialect, known := baselines[name]
	if !known {
		return Dialect{}, fmt.Errorf("layers: unknown baseline %q, want one of %s", name, strings.Join(Baselines(), ", "))
	}
	return dialect(gamma, topK), nil
}

// Baselines lists the names, sorted.
func Baselines() []string { return slices.Sorted(maps.Keys(baselines)) }
