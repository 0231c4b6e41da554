package runtime

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"testing"

	"capmoe/collective"
	"capmoe/layers"
	"capmoe/layers/capacity"
)

var (
	goldenFamilies  = []string{"mixtral", "olmoe", "qwen2_moe", "deepseek_v2"}
	foreignFamilies = []string{"mixtral", "olmoe", "qwen3_moe", "deepseek_v2", "gpt_oss"}
	familyRanks     = []int{1, 2, 3, 4}
)

// onEngines loads a model folder on in-process ranks and carries out body on each.
func onEngines(t *testing.T, dir string, ranks int, body func(e *Engine) error) {
	t.Helper()
	err := collective.Run(ranks, collective.Options{}, func(c collective.Communicator) error {
		e, err := Load(Process{Comm: c, Hosts: slices.Repeat([]string{"host"}, ranks), Threads: 1}, dir, LoadOptions{})
		if err != nil {
			return err
		}
		return body(e)
	})
	if err != nil {
		t.Fatalf("P=%d: %v", ranks, err)
	}
}

// logitsOn runs sequences as one step on ranks, and returns their logits.
func logitsOn(t *testing.T, dir string, ranks int, routing Routing, sequences [][]int32) [][]float32 {
	t.Helper()
	all := make([][]float32, len(sequences))
	onEngines(t, dir, ranks, func(e *Engine) error {
		if err := e.Use(routing); err != nil {
			return err
		}
		return e.logitsInto(all, sequences)
	})
	return all
}

// logitsInto fills in the logits of this rank's share of a step.
func (e *Engine) logitsInto(all [][]float32, sequences [][]int32) error {
	s, err := e.step(sequences)
	if err != nil {
		return err
	}
	for i, place := range s.places {
		all[place] = make([]float32, len(sequences[place])*e.config.Model.Vocab)
		e.model.Logits(all[place], s.row(i, e.config.Model.Hidden))
	}
	return nil
}

// tolerance is absolute + relative·|want|.
type tolerance struct{ absolute, relative float64 }

// The tolerances that the goldens' makers suggest for float32. gpt-oss's checkpoint of
// third parties multiplies the rounding of its first products by about 50 (a plain
// float32 program strays as far from a float64 one), which small logits show.
var (
	goldenLogits   = tolerance{2e-4, 1e-4}
	goldenHidden   = tolerance{1e-4, 1e-4}
	foreignLogits  = tolerance{1e-6, 1e-4}
	foreignGPTOSS  = tolerance{1e-5, 1e-4}
	goldenProb     = tolerance{1e-5, 0}
	bitForBit      = tolerance{}
	plainReference = tolerance{1e-5, 1e-4}
)

// check reports the first value that is out of tolerance.
func (tol tolerance) check(got, want []float32) error {
	if len(got) != len(want) {
		return fmt.Errorf("%d values, want %d", len(got), len(want))
	}
	for i, v := range got {
		if w := float64(want[i]); !(math.Abs(float64(v)-w) <= tol.absolute+tol.relative*math.Abs(w)) {
			return fmt.Errorf("value %d of %d is %v, want %v", i, len(got), v, want[i])
		}
	}
	return nil
}

// checkAll does so for the logits of several sequences.
func (tol tolerance) checkAll(got, want [][]float32) error {
	for i := range want {
		if err := tol.check(got[i], want[i]); err != nil {
			return fmt.Errorf("sequence %d: %w", i, err)
		}
	}
	return nil
}

// goldenPrompts are a family's stored prompts and their logits.
func goldenPrompts(f tensors) (prompts [][]int32, logits [][]float32) {
	for i := range 6 {
		ids, _ := f.ints(fmt.Sprintf("prompt%d.input_ids", i))
		l, _ := f.floats(fmt.Sprintf("prompt%d.logits", i))
		prompts, logits = append(prompts, ids), append(logits, l)
	}
	return prompts, logits
}

func TestLogitsEqualTheGoldensOnAnyRanks(t *testing.T) {
	data := developmentData(t)
	for _, family := range goldenFamilies {
		t.Run(family, func(t *testing.T) {
			dir := filepath.Join(data, "golden", family)
			prompts, want := goldenPrompts(openTensors(t, filepath.Join(dir, "golden.safetensors")))
			checkOnRanks(t, dir, prompts, want, goldenLogits)
		})
	}
}

func TestLogitsEqualThirdPartiesOnAnyRanks(t *testing.T) {
	data := developmentData(t)
	for _, family := range foreignFamilies {
		t.Run(family, func(t *testing.T) {
			dir := filepath.Join(data, "third-party-checkpoints", family)
			var file struct {
				Sequences [][]int32
				Logits    [][][]float32
			}
			readJSON(t, filepath.Join(dir, "logits.json"), &file)
			var want [][]float32
			for _, rows := range file.Logits {
				want = append(want, slices.Concat(rows...))
			}
			tol := foreignLogits
			if family == "gpt_oss" {
				tol = foreignGPTOSS
			}
			checkOnRanks(t, dir, file.Sequences, want, tol)
		})
	}
}

// checkOnRanks compares logits with those wanted, and bit for bit over the numbers of
// ranks and with every sequence run by itself.
func checkOnRanks(t *testing.T, dir string, sequences [][]int32, want [][]float32, tol tolerance) {
	t.Helper()
	var first [][]float32
	for _, ranks := range familyRanks {
		got := logitsOn(t, dir, ranks, Routing{}, sequences)
		if err := tol.checkAll(got, want); err != nil {
			t.Fatalf("P=%d: %v", ranks, err)
		}
		if first == nil {
			first = got
		}
		if err := bitForBit.checkAll(got, first); err != nil {
			t.Fatalf("bits on %d ranks differ from those on 1: %v", ranks, err)
		}
	}
	for i, seq := range sequences {
		alone := logitsOn(t, dir, 1, Routing{}, [][]int32{seq})
		if err := bitForBit.check(alone[0], first[i]); err != nil {
			t.Fatalf("sequence %d alone differs from its bits among %d: %v", i, len(sequences), err)
		}
	}
}

func TestGreedyTextEqualsTheGoldens(t *testing.T) {
	data := developmentData(t)
	for _, family := range goldenFamilies {
		t.Run(family, func(t *testing.T) {
			dir := filepath.Join(data, "golden", family)
			f := openTensors(t, filepath.Join(dir, "golden.safetensors"))
			prompts, _ := goldenPrompts(f)
			for _, ranks := range familyRanks {
				texts := slices.Clone(prompts)
				onEngines(t, dir, ranks, func(e *Engine) error { return e.continueGreedily(texts, 16) })
				for i, text := range texts {
					want, _ := f.ints(fmt.Sprintf("prompt%d.greedy_ids", i))
					if got := text[len(prompts[i]):]; !slices.Equal(got, want) {
						t.Fatalf("P=%d, prompt %d continues %v, want %v", ranks, i, got, want)
					}
				}
			}
		})
	}
}

// continueGreedily appends n tokens to every text, each the most likely after whole
// texts run anew. Rank 0 appends them to texts.
func (e *Engine) continueGreedily(texts [][]int32, n int) error {
	if err := e.Use(Routing{}); err != nil {
		return err
	}
	vocab := e.config.Model.Vocab
	mine := slices.Clone(texts)
	for range n {
		own := make([][]float32, len(mine))
		if err := e.logitsInto(own, mine); err != nil {
			return err
		}
		next := make([]int64, len(mine))
		for i, logits := range own {
			if logits != nil {
				last := logits[len(logits)-vocab:]
				next[i] = int64(slices.Index(last, slices.Max(last)))
			}
		}
		if err := collective.AllReduce(e.proc.Comm, collective.Sum, next); err != nil {
			return err
		}
		for i, id := range next {
			mine[i] = append(slices.Clip(mine[i]), int32(id))
		}
	}
	if e.proc.Comm.Rank() == 0 {
		copy(texts, mine)
	}
	return nil
}

// routed is what a layer decided for one token.
type routed struct {
	scores, weights []float32
	experts         []int32
}

// watch replaces the engine's model by one that notes what becomes of every token of
// the share of this rank: seen[layer][global token id].
func (e *Engine) watch(routing Routing, seen []map[int32]routed, share *share) error {
	d, err := routing.resolve(e.config.Model.MoE.TopK)
	if err != nil {
		return err
	}
	experts := e.config.Model.MoE.Experts
	hooks := &layers.Hooks{Planned: func(p *capacity.Plan, scores []float32, _ int) {
		for t, token := range share.batch.Tokens {
			from, to := p.Offset[t], p.Offset[t+1]
			seen[p.Layer][token] = routed{
				scores:  slices.Clone(scores[t*experts : (t+1)*experts]),
				weights: slices.Clone(p.Weight[from:to]),
				experts: slices.Clone(p.Expert[from:to]),
			}
		}
	}}
	e.model, err = layers.NewModel(e.proc.Comm, layers.Parts{
		Config: e.config.Model, Weights: e.weights, Kernels: e.kernels,
		Policy: d.Policy, Wire: d.Wire, Layout: e.layout, Hooks: hooks,
	})
	return err
}

func TestRoutingEqualsTheGoldens(t *testing.T) {
	data := developmentData(t)
	for _, family := range goldenFamilies {
		t.Run(family, func(t *testing.T) {
			dir := filepath.Join(data, "golden", family)
			f := openTensors(t, filepath.Join(dir, "golden.safetensors"))
			prompts, _ := goldenPrompts(f)
			for i, prompt := range prompts {
				onEngines(t, dir, 1, func(e *Engine) error {
					seen := make([]map[int32]routed, e.config.Model.Layers)
					for l := range seen {
						seen[l] = map[int32]routed{}
					}
					s := e.take([][]int32{prompt})
					if err := e.watch(Routing{}, seen, &s); err != nil {
						return err
					}
					hidden, err := e.model.Forward(s.batch)
					if err != nil {
						return err
					}
					if name := fmt.Sprintf("prompt%d.hidden%d", i, e.config.Model.Layers); f.has(name) {
						want, _ := f.floats(name)
						if err := goldenHidden.check(hidden, want); err != nil {
							return fmt.Errorf("prompt %d, hidden states after the last norm: %w", i, err)
						}
					}
					return compareRouting(f, i, seen, e.config.Model)
				})
			}
		})
	}
}

func (f tensors) has(name string) bool {
	_, ok := f.file.Tensor(name)
	return ok
}

// compareRouting checks probabilities, chosen experts and weights of all layers for
// one prompt.
func compareRouting(f tensors, prompt int, seen []map[int32]routed, cfg layers.Config) error {
	for l, tokens := range seen {
		if cfg.Dense.At(l) {
			if len(tokens) > 0 {
				return fmt.Errorf("layer %d is dense and routes %d tokens", l, len(tokens))
			}
			continue
		}
		name := fmt.Sprintf("prompt%d.layer%d.", prompt, l)
		probs, shape := f.floats(name + "router_probs")
		ids, _ := f.ints(name + "topk_ids")
		weights, _ := f.floats(name + "topk_weights")
		e, k := cfg.MoE.Experts, cfg.MoE.TopK
		for t := range shape[0] {
			got := tokens[int32(t)]
			if err := goldenProb.check(got.scores, probs[t*e:(t+1)*e]); err != nil {
				return fmt.Errorf("%stoken %d: probabilities: %w", name, t, err)
			}
			if !slices.Equal(got.experts, ids[t*k:(t+1)*k]) {
				return fmt.Errorf("%stoken %d goes to %v, want %v", name, t, got.experts, ids[t*k:(t+1)*k])
			}
			if err := goldenProb.check(got.weights, weights[t*k:(t+1)*k]); err != nil {
				return fmt.Errorf("%stoken %d: weights: %w", name, t, err)
			}
		}
	}
	return nil
}
