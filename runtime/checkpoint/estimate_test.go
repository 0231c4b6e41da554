package checkpoint

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func parseFile(t *testing.T, path string) (*Config, error) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return ParseConfig(path, text)
}

// The estimate is exact: real checkpoints hold as many elements.
func TestEstimateCountsEveryElement(t *testing.T) {
	data := dataFolder(t)
	for _, folder := range []string{
		"golden/mixtral", "golden/olmoe", "golden/qwen2_moe", "golden/deepseek_v2",
		"third-party-checkpoints/mixtral", "third-party-checkpoints/olmoe", "third-party-checkpoints/qwen3_moe",
		"third-party-checkpoints/deepseek_v2", "third-party-checkpoints/gpt_oss",
	} {
		t.Run(folder, func(t *testing.T) {
			dir := filepath.Join(data, folder)
			c, err := ReadConfig(dir)
			if err != nil {
				t.Fatal(err)
			}
			all, experts := countElements(t, dir)
			m := c.Model
			mixtures := int64(m.Layers - len(m.Dense.Layers))
			got := c.Estimate(3, 2)
			if got.Parameters != all || got.Expert*int64(m.MoE.Experts)*mixtures != experts || got.Shared != all-experts {
				t.Errorf("%+v, want %d in all, %d of them in experts", got, all, experts)
			}
			if want := all - experts + mixtures*int64(m.MoE.TopK)*got.Expert; got.Active != want {
				t.Errorf("active %d, want %d", got.Active, want)
			}
			sum := int64(0)
			for _, bytes := range c.Estimate(3, 4).RankBytes {
				sum += bytes
			}
			if want := 4 * (experts + 3*(all-experts)); sum != want {
				t.Errorf("%d bytes on 3 ranks, want %d", sum, want)
			}
		})
	}
}

// countElements is the elements of a folder's tensors, and those of its experts.
func countElements(t *testing.T, dir string) (all, experts int64) {
	t.Helper()
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, name := range s.Names() {
		x, err := s.Tensor(name)
		if err != nil {
			t.Fatal(err)
		}
		all += int64(x.Elements())
		if strings.Contains(name, ".experts.") {
			experts += int64(x.Elements())
		}
	}
	return all, experts
}

// Sizes that the makers of released models give, in billions. Where 0, they count the
// active ones otherwise.
func TestEstimateOfReleasedModels(t *testing.T) {
	dir := filepath.Join(dataFolder(t), "data", "configs")
	for _, c := range []struct {
		name        string
		all, active float64
	}{
		{"mistralai--Mixtral-8x7B-v0.1", 46.703, 12.880},
		{"allenai--OLMoE-1B-7B-0125-Instruct", 6.919, 1.282},
		{"Qwen--Qwen1.5-MoE-A2.7B", 14.316, 2.689},
		{"deepseek-ai--DeepSeek-V3", 671.026, 0},
		{"openai--gpt-oss-20b", 20.915, 0},
		{"openai--gpt-oss-120b", 116.829, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			config, err := parseFile(t, filepath.Join(dir, c.name+".config.json"))
			if err != nil {
				t.Fatal(err)
			}
			e := config.Estimate(1, 4)
			for _, n := range []struct {
				got  int64
				want float64
			}{{e.Parameters, c.all}, {e.Active, c.active}} {
				if d := float64(n.got)/1e9 - n.want; n.want != 0 && (d > 5e-4 || d < -5e-4) {
					t.Errorf("%d parameters, want %.3f billion", n.got, n.want)
				}
			}
		})
	}
}

func TestEstimatePlacesExpertsContiguously(t *testing.T) {
	c, err := ParseConfig("config.json", []byte(plainMixtral))
	if err != nil {
		t.Fatal(err)
	}
	e := c.Estimate(3, 4) // 8 experts: 2, 3, 3
	var want []int64
	for _, experts := range []int64{2, 3, 3} {
		want = append(want, 4*(e.Shared+2*experts*e.Expert))
	}
	if !slices.Equal(e.RankBytes, want) {
		t.Errorf("bytes %v, want %v", e.RankBytes, want)
	}
	if e.Expert != 3*112*64 {
		t.Errorf("expert of %d, want 3 matrices of 112 × 64", e.Expert)
	}
	// embedding, router and norms stay in float32: 300 × 64, 2 × 8 × 64, 5 × 64
	half := c.Estimate(1, 2)
	if got, want := half.RankBytes[0], 2*e.Parameters+2*(300+2*8+5)*64; got != want {
		t.Errorf("in 2 bytes a weight %d bytes, want %d", got, want)
	}
	c.Tied = true
	tied := c.Estimate(3, 4)
	if tied.Parameters != e.Parameters-300*64 || !slices.Equal(tied.RankBytes, want) {
		t.Errorf("a tied output matrix saves %d parameters and bytes %v, want %d and none", e.Parameters-tied.Parameters, tied.RankBytes, 300*64)
	}
}
