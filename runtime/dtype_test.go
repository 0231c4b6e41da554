package runtime

import (
	"math"
	"path/filepath"
	"slices"
	"testing"

	"capmoe/collective"
	"capmoe/layers/kernel"
)

// In bf16 logits are near the goldens, and the same bits on any number of ranks.
func TestBF16LogitsNearTheGoldensOnAnyRanks(t *testing.T) {
	data := developmentData(t)
	for _, family := range goldenFamilies {
		t.Run(family, func(t *testing.T) {
			dir := filepath.Join(data, "golden", family)
			prompts, golden := goldenPrompts(openTensors(t, filepath.Join(dir, "golden.safetensors")))
			var first [][]float32
			for _, ranks := range familyRanks {
				got := bf16Logits(t, dir, ranks, prompts)
				for i := range golden {
					off, size := distance(got[i], golden[i]), distance(golden[i], make([]float32, len(golden[i])))
					if off > 0.05*size {
						t.Errorf("P=%d: logits of sequence %d, whose size is %v, are off by %v", ranks, i, size, off)
					}
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

// distance is the root of the mean square of the differences: one pair whose expert is
// another, as rounding may have it, does not rule it.
func distance(a, b []float32) float64 {
	sum := 0.0
	for i, v := range a {
		d := float64(v) - float64(b[i])
		sum += d * d
	}
	return math.Sqrt(sum / float64(len(a)))
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
