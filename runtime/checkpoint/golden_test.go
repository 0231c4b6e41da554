package checkpoint

import (
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// dataFolder is the development data, or the test is skipped.
func dataFolder(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("CAPMOE_DATA")
	if dir == "" {
		t.Skip("CAPMOE_DATA, the folder of the development data, is not set")
	}
	return dir
}

// TestGoldenValues: the element in the middle and the sum (float64) of tensors
// as numpy reads them from the same files.
func TestGoldenValues(t *testing.T) {
	golden := filepath.Join(dataFolder(t), "golden")
	for _, c := range []struct {
		family string
		shards int
		count  int
		tensor string
		dtype  DType
		shape  []int
		middle uint32 // bits
		sum    float64
	}{
		{"mixtral", 1, 65, "lm_head.weight", F32, []int{300, 64}, 0x3e05f6e0, 10.78275737248714},
		{"mixtral", 1, 65, "model.layers.0.self_attn.v_proj.weight", F32, []int{32, 64}, 0xbe3cb89c, 3.1284352516231593},
		{"olmoe", 1, 174, "lm_head.weight", BF16, []int{304, 64}, 0x3da20000, 85.13045626878738},
		{"olmoe", 1, 174, "model.layers.1.mlp.experts.3.down_proj.weight", BF16, []int{64, 48}, 0xbe060000, -5.261260032653809},
		{"olmoe", 1, 174, "model.norm.weight", BF16, []int{64}, 0x3f800000, 64.171875},
		{"qwen2_moe", 2, 103, "model.embed_tokens.weight", F32, []int{310, 80}, 0x3f6c764a, -34.77051676226256},
		{"qwen2_moe", 2, 103, "lm_head.weight", F32, []int{310, 80}, 0x3e04d02e, -20.64439627560023},
		{"qwen2_moe", 2, 103, "model.layers.1.mlp.experts.5.up_proj.weight", F32, []int{40, 80}, 0x3d44680d, 6.355548438481492},
		{"deepseek_v2", 1, 131, "model.norm.weight", F32, []int{64}, 0x3f3c966a, 64.10494166612625},
	} {
		t.Run(c.family+" "+c.tensor, func(t *testing.T) {
			s, err := Open(filepath.Join(golden, c.family))
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if len(s.Names()) != c.count {
				t.Errorf("%d tensors, want %d", len(s.Names()), c.count)
			}
			x, err := s.Tensor(c.tensor)
			if err != nil {
				t.Fatal(err)
			}
			if err := x.Expect("", c.shape...); err != nil || x.DType != c.dtype {
				t.Fatalf("dtype %s, want %s; %v", x.DType, c.dtype, err)
			}
			values := make([]float32, x.Elements())
			if err := x.Float32(values); err != nil {
				t.Fatal(err)
			}
			if got := math.Float32bits(values[len(values)/2]); got != c.middle {
				t.Errorf("element %d is %#x, want %#x", len(values)/2, got, c.middle)
			}
			sum := 0.0
			for _, v := range values {
				sum += float64(v)
			}
			if math.Abs(sum-c.sum) > 1e-9 {
				t.Errorf("sum %v, want %v", sum, c.sum)
			}
			shards := make(map[string]bool)
			for _, name := range s.Names() {
				x, err := s.Tensor(name)
				if err != nil {
					t.Fatal(err)
				}
				if err := x.Float32(make([]float32, x.Elements())); err != nil {
					t.Error(err)
				}
				shards[x.File] = true
			}
			if len(shards) != c.shards {
				t.Errorf("tensors in %d files, want %d", len(shards), c.shards)
			}
		})
	}
}

// TestGoldenIntegers: elements 0 to 4 and the sum of ids as numpy reads them.
func TestGoldenIntegers(t *testing.T) {
	golden := filepath.Join(dataFolder(t), "golden")
	for _, c := range []struct {
		file, tensor string
		dtype        DType
		first        []int32
		sum          int32
	}{
		{"mixtral/golden.safetensors", "prompt5.input_ids", I32, []int32{189, 96, 16, 234, 51}, 10921},
		{"capacity/T16_E8_k1.safetensors", "g0.5.first.ids", I16, []int32{0, 6, 7, 1, 8}, 101},
		{"mixtral/golden_capacity.safetensors", "batch.g1.0.hfnorm_score.layer0.keep", U8, []int32{0, 0, 0, 0, 1}, 106},
	} {
		t.Run(c.tensor, func(t *testing.T) {
			f, err := OpenFile(filepath.Join(golden, c.file))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			x, ok := f.Tensor(c.tensor)
			if !ok || x.DType != c.dtype {
				t.Fatalf("tensor of dtype %s (found: %v), want %s", x.DType, ok, c.dtype)
			}
			values := make([]int32, x.Elements())
			if err := x.Int32(values); err != nil {
				t.Fatal(err)
			}
			sum := int32(0)
			for _, v := range values {
				sum += v
			}
			if !slices.Equal(values[:5], c.first) || sum != c.sum {
				t.Errorf("%v with sum %d, want %v with sum %d", values[:5], sum, c.first, c.sum)
			}
		})
	}
}

// TestEveryDataFileOpens: files that other programs wrote pass all checks.
func TestEveryDataFileOpens(t *testing.T) {
	opened := 0
	folder, err := filepath.EvalSymlinks(dataFolder(t))
	if err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(folder, func(path string, _ os.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != extension {
			return err
		}
		f, err := OpenFile(path)
		if err != nil {
			t.Error(err)
			return nil
		}
		opened++
		data := 0
		for _, name := range f.Names() {
			x, _ := f.Tensor(name)
			data += len(x.Data)
		}
		if want := len(f.raw) - lengthSize - int(binary.LittleEndian.Uint64(f.raw)); data != want {
			t.Errorf("%s: tensors of %d bytes, data of %d", path, data, want)
		}
		return f.Close()
	})
	if err != nil {
		t.Fatal(err)
	}
	if opened == 0 {
		t.Error("no safetensors files in the data folder")
	}
	t.Logf("%d files", opened)
}
