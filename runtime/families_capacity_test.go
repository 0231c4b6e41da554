package runtime

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"capmoe/layers"
	"capmoe/layers/capacity"
)

// variant is one run of the authors' modelling files with capacity on.
type variant struct {
	Name     string
	Gamma    float64
	Policy   string
	Rounds   *int
	Local    []int `json:"local_expert_indices"`
	Renorm   bool
	Layer    int  `json:"layer_index"`
	HasBatch bool `json:"has_batch"`
}

// routing is the variant in this program's words. The authors' Mixtral does not divide
// the weights by their sum; Hugging Face's, which is hfnorm_score, does.
func (v variant) routing(t *testing.T, family string) Routing {
	run := goldenRun{Key: v.Name, Gamma: v.Gamma, Policy: strings.TrimPrefix(v.Policy, "hfnorm_"), Rounds: v.Rounds, Local: v.Local}
	policy := run.policy(t)
	policy.RawWeights = family == "mixtral" && v.Policy != "hfnorm_score"
	if v.Renorm {
		policy.Renormalize = capacity.UnitMass
	}
	return routingOf(policy)
}

// eachVariant runs a test on every stored variant; on those of whole models only, if
// batches is set.
func eachVariant(t *testing.T, batches bool, test func(t *testing.T, dir string, f tensors, v variant, r Routing)) {
	data := developmentData(t)
	for _, family := range goldenFamilies {
		dir := filepath.Join(data, "golden", family)
		var index struct {
			Variants []variant `json:"capacity_variants"`
		}
		readJSON(t, filepath.Join(dir, "golden.json"), &index)
		f := openTensors(t, filepath.Join(dir, "golden_capacity.safetensors"))
		for _, v := range index.Variants {
			if batches && !v.HasBatch {
				continue
			}
			t.Run(family+"/"+v.Name, func(t *testing.T) { test(t, dir, f, v, v.routing(t, family)) })
		}
	}
}

// keptPairs is a table [T, E] of the pairs that were kept.
func keptPairs(tokens map[int32]routed, n, experts int) []int32 {
	keep := make([]int32, n*experts)
	for t, r := range tokens {
		for _, e := range r.experts {
			keep[int(t)*experts+int(e)] = 1
		}
	}
	return keep
}

// One mixture under capacity: exactly the authors' pairs, and their outputs.
func TestMixtureUnderCapacityEqualsAuthors(t *testing.T) {
	eachVariant(t, false, func(t *testing.T, dir string, f tensors, v variant, r Routing) {
		x, shape := f.floats("layer.x")
		want, _ := f.floats("layer." + v.Name + ".y")
		keep, _ := f.ints("layer." + v.Name + ".keep")
		var first []float32
		for _, ranks := range familyRanks {
			y := make([]float32, len(x))
			onRank := make([]map[int32]routed, ranks)
			var experts int
			onEngines(t, dir, ranks, func(e *Engine) error {
				rank := e.proc.Comm.Rank()
				if rank == 0 {
					experts = e.config.Model.MoE.Experts
				}
				onRank[rank] = map[int32]routed{}
				return e.mixtureOf(y, x, v.Layer, r, onRank[rank])
			})
			if err := goldenHidden.check(y, want); err != nil {
				t.Fatalf("P=%d: %v", ranks, err)
			}
			got := make([]int32, len(keep))
			for _, tokens := range onRank {
				for i, k := range keptPairs(tokens, shape[0], experts) {
					got[i] |= k
				}
			}
			if !slices.Equal(got, keep) {
				t.Fatalf("P=%d: kept pairs differ from the authors'", ranks)
			}
			if first == nil {
				first = y
			}
			if err := bitForBit.check(y, first); err != nil {
				t.Fatalf("bits on %d ranks differ from those on 1: %v", ranks, err)
			}
		}
	})
}

// mixtureOf runs one layer's mixture on this rank's block of the rows of x.
func (e *Engine) mixtureOf(y, x []float32, layer int, r Routing, seen map[int32]routed) error {
	h, ranks, rank := e.config.Model.Hidden, e.proc.Comm.Size(), e.proc.Comm.Rank()
	n := len(x) / h
	from, to := rank*n/ranks, (rank+1)*n/ranks
	var tokens []int32
	for t := from; t < to; t++ {
		tokens = append(tokens, int32(t))
	}
	moe, err := layers.NewMoE(e.proc.Comm, layers.Parts{
		Config: e.config.Model, Policy: r.Policy, Layout: e.layout,
		Hooks: &layers.Hooks{Planned: func(p *capacity.Plan, _ []float32, _ int) {
			for i, t := range tokens {
				seen[t] = routed{experts: slices.Clone(p.Expert[p.Offset[i]:p.Offset[i+1]])}
			}
		}},
	})
	if err != nil {
		return err
	}
	return moe.Forward(y[from*h:to*h], x[from*h:to*h], &e.weights.Blocks[layer], layer, tokens)
}

// Whole models under capacity, four sequences of 16 tokens in a step.
func TestModelUnderCapacityEqualsAuthors(t *testing.T) {
	eachVariant(t, true, func(t *testing.T, dir string, f tensors, v variant, r Routing) {
		ids, shape := f.ints("batch.input_ids")
		sequences := slices.Collect(slices.Chunk(ids, shape[1]))
		logits, _ := f.floats("batch." + v.Name + ".logits")
		want := slices.Collect(slices.Chunk(logits, len(logits)/len(sequences)))
		var first [][]float32
		for _, ranks := range familyRanks {
			got := logitsOn(t, dir, ranks, r, sequences)
			if err := goldenLogits.checkAll(got, want); err != nil {
				t.Fatalf("P=%d: %v", ranks, err)
			}
			if first == nil {
				first = got
			}
			if err := bitForBit.checkAll(got, first); err != nil {
				t.Fatalf("bits on %d ranks differ from those on 1: %v", ranks, err)
			}
		}
		onEngines(t, dir, 1, func(e *Engine) error { return e.compareKept(f, v, r, sequences) })
	})
}

// compareKept checks the kept pairs of every layer of a whole model.
func (e *Engine) compareKept(f tensors, v variant, r Routing, sequences [][]int32) error {
	seen := make([]map[int32]routed, e.config.Model.Layers)
	for l := range seen {
		seen[l] = map[int32]routed{}
	}
	s := e.take(sequences)
	if err := e.watch(r, seen, &s); err != nil {
		return err
	}
	if _, err := e.model.Forward(s.batch); err != nil {
		return err
	}
	for l, tokens := range seen {
		if e.config.Model.Dense.At(l) {
			continue
		}
		want, _ := f.ints(fmt.Sprintf("batch.%s.layer%d.keep", v.Name, l))
		if got := keptPairs(tokens, len(s.batch.IDs), e.config.Model.MoE.Experts); !slices.Equal(got, want) {
			return fmt.Errorf("layer %d: kept pairs differ from the authors'", l)
		}
	}
	return nil
}
