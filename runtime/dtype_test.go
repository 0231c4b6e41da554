package runtime

import (
	"path/filepath"
	"slices"
	"testing"

	"capmoe/collective"
	"capmoe/layers/kernel"
)

// In bf16 logits are near the goldens, and the same bits on any number of ranks.
func TestBF16LogitsNearTheGoldensOnAnyRanks(t *testing.T) {
	data := developmentData(t)
	near := tolerance{absolute: 5e-2}
	for _, family := range goldenFamilies {
		t.Run(family, func(t *testing.T) {
			dir := filepath.Join(data, "golden", family)
			prompts, golden := goldenPrompts(openTensors(t, filepath.Join(dir, "golden.safetensors")))
			var first [][]float32
			for _, ranks := range familyRanks {
				got := bf16Logits(t, dir, ranks, prompts)
				if err := near.checkAll(got, golden); err != nil {
					t.Errorf("P=%d: %v", ranks, err)
				}
				if first == nil {
					first = got
				}
				if err := bitForBit.checkAll(got, first); err != nil {
					t.Errorf("P=%d against P=%d: %v", ranks, familyRanks[0], err)
				}
			}
			if exact := logitsOn(t, dir, 1, Routing{}, prompts); slices.Equal(exact[0], first[0]) {
				t.Error("logits in bf16 are those in float32")
			}
		})
	}
}

func bf16Logits(t *testing.T, dir string, ranks int, sequences [][]int32) [][]float32 {
	t.Helper()
	all := make([][]float32, len(sequences))
	err := collective.Run(ranks, collective.Options{}, func(c collective.Communicator) error {
		p := Process{Comm: c, Hosts: slices.Repeat([]string{"host"}, ranks), Threads: 1 + c.Rank()%2}
		e, err := Load(p, dir, LoadOptions{DType: kernel.BF16})
		if err != nil {
			return err
		}
		if err := e.Use(Routing{}); err != nil {
			return err
		}
		return e.logitsInto(all, sequences)
	})
	if err != nil {
		t.Fatalf("P=%d: %v", ranks, err)
	}
	return all
}
