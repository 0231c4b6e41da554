package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"capmoe/runtime/checkpoint"
)

// developmentData is a folder of the data that is not in the repository.
func developmentData(t *testing.T, path ...string) string {
	t.Helper()
	dir := os.Getenv("CAPMOE_DATA")
	if dir == "" {
		t.Skip("CAPMOE_DATA is not set: goldens that are not in the repository are left out")
	}
	return filepath.Join(append([]string{dir}, path...)...)
}

// checkGolden holds a file of logits against a file of goldens, where those of the sequences go by a name with their number in it.
func checkGolden(t *testing.T, got, golden, name string, sequences [][]int32) {
	t.Helper()
	have, want := openFile(t, got), openFile(t, golden)
	for i, seq := range sequences {
		values, shape := tensorOf(t, want, fmt.Sprintf(name, i))
		checkLogits(t, i, readLogits(t, have, i, len(seq), shape[1]), values)
	}
}

// Random models of each family, and the logits of the transformers library or of the
// model's authors.
func TestLogitsEqualGolden(t *testing.T) {
	for _, family := range []string{"mixtral", "olmoe", "qwen2_moe", "deepseek_v2"} {
		t.Run(family, func(t *testing.T) {
			model := developmentData(t, "golden", family)
			t.Parallel()
			var golden struct {
				Prompts []struct {
					IDs []int32 `json:"input_ids"`
				}
			}
			readJSON(t, filepath.Join(model, "golden.json"), &golden)
			var sequences [][]int32
			for _, p := range golden.Prompts {
				sequences = append(sequences, p.IDs)
			}
			got := sameLogits(t, model, tokensFile(t, sequences), []int{1, 2, 3, 4})
			checkGolden(t, got, filepath.Join(model, "golden.safetensors"), "prompt%d.logits", sequences)
		})
	}
}

// Somebody else's random models of 4 experts. Their file of logits is the file of
// tokens too.
func TestLogitsEqualThirdParty(t *testing.T) {
	for _, family := range []string{"mixtral", "olmoe", "qwen3_moe", "deepseek_v2", "gpt_oss"} {
		t.Run(family, func(t *testing.T) {
			model := developmentData(t, "third-party-checkpoints", family)
			t.Parallel()
			tokens := filepath.Join(model, "logits.json")
			var want struct {
				Sequences [][]int32
				Logits    [][][]float32
			}
			readJSON(t, tokens, &want)
			got := openFile(t, sameLogits(t, model, tokens, []int{1, 2, 3, 4}))
			for i, seq := range want.Sequences {
				var values []float32
				for _, row := range want.Logits[i] {
					values = append(values, row...)
				}
				checkLogits(t, i, readLogits(t, got, i, len(seq), len(want.Logits[i][0])), values)
			}
		})
	}
}

// Random models of every family, of random configurations, and the logits of the transformers library.
func TestLogitsEqualTransformers(t *testing.T) {
	models, err := filepath.Glob(filepath.Join("testdata", "transformers", "*", "config.json"))
	if err != nil || len(models) == 0 {
		t.Fatalf("no models: %v", err)
	}
	for _, config := range models {
		model := filepath.Dir(config)
		t.Run(filepath.Base(model), func(t *testing.T) {
			t.Parallel()
			tokens := filepath.Join(model, "tokens.json")
			var golden struct{ Sequences [][]int32 }
			readJSON(t, tokens, &golden)
			checkGolden(t, sameLogits(t, model, tokens, []int{1, 2, 3}), filepath.Join(model, "logits.safetensors"), "logits.%d", golden.Sequences)
		})
	}
}

// goldenVariant is a capacity policy that the authors' code ran a whole model under.
type goldenVariant struct {
	Name     string
	Gamma    float64
	Policy   string
	Local    []int `json:"local_expert_indices"`
	Renorm   bool
	Rounds   *int
	HasBatch bool `json:"has_batch"`
}

// flags are the variant in the words of the command. Without renorm the authors'
// weights are the probabilities, whatever the family makes of them.
func (v goldenVariant) flags(family string) []string {
	flags := []string{"--gamma", fmt.Sprint(v.Gamma)}
	switch v.Policy {
	case "score":
		flags = append(flags, "--policy", "drop")
	case "reroute":
		flags = append(flags, "--policy", "reroute", "--reroute-rounds", fmt.Sprint(*v.Rounds))
	case "overselect":
		experts := "all"
		if v.Local != nil {
			experts = strings.Trim(strings.Join(strings.Fields(fmt.Sprint(v.Local)), ","), "[]")
		}
		flags = append(flags, "--policy", "expanded", "--expanded-experts", experts)
	}
	if v.Renorm {
		flags = append(flags, "--renormalize", "unit")
	}
	if family == "mixtral" {
		flags = append(flags, "--moe-router-weights", "raw")
	}
	return flags
}

// Logits of whole models under a capacity, decided over the 64 tokens of a step, equal
// those of the authors' code: of a family whose weights are the probabilities, and of
// one that normalises them. Mixtral's hfnorm_score normalises before it selects, which
// no flag asks for.
func TestCappedLogitsEqualGolden(t *testing.T) {
	for _, family := range []string{"olmoe", "mixtral"} {
		model := developmentData(t, "golden", family)
		var golden struct {
			Variants []goldenVariant `json:"capacity_variants"`
		}
		readJSON(t, filepath.Join(model, "golden.json"), &golden)
		for _, v := range golden.Variants {
			if !v.HasBatch || v.Policy == "hfnorm_score" {
				continue
			}
			t.Run(family+" "+v.Name, func(t *testing.T) {
				t.Parallel()
				file := openFile(t, filepath.Join(model, "golden_capacity.safetensors"))
				sequences := goldenBatch(t, file)
				want, shape := tensorOf(t, file, "batch."+v.Name+".logits")
				got := openFile(t, sameLogits(t, model, tokensFile(t, sequences), []int{3}, v.flags(family)...))
				rows := len(want) / len(sequences)
				for i, seq := range sequences {
					checkLogits(t, i, readLogits(t, got, i, len(seq), shape[2]), want[i*rows:(i+1)*rows])
				}
			})
		}
	}
}

// goldenBatch is the sequences of a step, all of one length.
func goldenBatch(t *testing.T, file *checkpoint.File) [][]int32 {
	t.Helper()
	x, ok := file.Tensor("batch.input_ids")
	if !ok {
		t.Fatalf("no batch in %q", file.Names())
	}
	ids := make([]int32, x.Elements())
	if err := x.Int32(ids); err != nil {
		t.Fatal(err)
	}
	var sequences [][]int32
	for n := x.Shape[1]; len(ids) > 0; ids = ids[n:] {
		sequences = append(sequences, ids[:n])
	}
	return sequences
}

func tensorOf(t *testing.T, file *checkpoint.File, name string) ([]float32, []int) {
	t.Helper()
	x, ok := file.Tensor(name)
	if !ok {
		t.Fatalf("no tensor %s", name)
	}
	values := make([]float32, x.Elements())
	if err := x.Float32(values); err != nil {
		t.Fatal(err)
	}
	return values, x.Shape
}
