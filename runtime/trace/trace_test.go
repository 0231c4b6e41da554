package trace

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"capmoe/runtime/checkpoint"

	"github.com/sbinet/npyio"
)

func write(t testing.TB, path string, array any) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := npyio.Write(f, array); err != nil {
		t.Fatal(err)
	}
}

// record writes 2 tokens of 1 layer, top 2 of 4 experts.
func record(t testing.TB, ids [2][1][2]int32) string {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "topk_ids.npy"), ids)
	write(t, filepath.Join(dir, "topk_weights.npy"), [2][1][2]float32{{{0.75, 0.25}}, {{0.5, 0.5}}})
	return dir
}

func TestChoicesAreSpreadOverTheExperts(t *testing.T) {
	tr, err := Load(record(t, [2][1][2]int32{{{3, 0}}, {{1, 2}}}), Hints{})
	if err != nil {
		t.Fatal(err)
	}
	inf := float32(math.Inf(-1))
	want := []float32{0.25, inf, inf, 0.75, inf, 0.5, 0.5, inf}
	if tr.Tokens != 2 || tr.Experts != 4 || tr.TopK != 2 || tr.Whole() {
		t.Fatalf("trace %d tokens, %d experts, top %d, whole %v", tr.Tokens, tr.Experts, tr.TopK, tr.Whole())
	}
	got := make([]float32, len(want))
	if tr.Rows(got, 0, 0, 2); !slices.Equal(got, want) {
		t.Fatalf("scores %v, want %v", got, want)
	}
}

func TestFaults(t *testing.T) {
	short := record(t, [2][1][2]int32{{{3, 0}}, {{1, 2}}})
	path := filepath.Join(short, "topk_weights.npy")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data[:len(data)-4], 0o666); err != nil {
		t.Fatal(err)
	}
	shapes := record(t, [2][1][2]int32{{{3, 0}}, {{1, 2}}})
	write(t, filepath.Join(shapes, "topk_weights.npy"), [1][1][2]float32{{{1, 0}}})
	for _, c := range []struct{ rule, path, want string }{
		{"a file cut short", short, "12 bytes of data, shape [2 1 2] of F32 needs 16"},
		{"shapes that differ", shapes, "topk_ids.npy has shape [2 1 2], topk_weights.npy [1 1 2]"},
		{"a negative expert", record(t, [2][1][2]int32{{{-1, 0}}, {{1, 2}}}), "expert -1 at place 0, want 0 to 65535"},
		{"an expert twice", record(t, [2][1][2]int32{{{1, 0}}, {{2, 2}}}), "layer 0: token 1 has expert 2 twice"},
		{"no such folder", filepath.Join(short, "none"), "no such file"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			_, err := Load(c.path, Hints{})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("error %v, want %q", err, c.want)
			}
		})
	}
}

func TestProbabilitiesAreRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "t.safetensors")
	w, err := checkpoint.Create(path, map[string]string{"top_k": "2"}, []checkpoint.Spec{
		{Name: "layer7.router_probs", DType: checkpoint.F32, Shape: []int{1, 3}},
		{Name: "layer2.router_probs", DType: checkpoint.F32, Shape: []int{1, 3}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"layer7.router_probs", "layer2.router_probs"} {
		if err := w.AppendFloat32(name, []float32{0.5, 0.25, 0.25}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	tr, err := Load(path, Hints{})
	if err != nil {
		t.Fatal(err)
	}
	if !tr.Whole() || tr.TopK != 2 || len(tr.Layers) != 2 || tr.Layers[0] != 2 || tr.Layers[1] != 7 {
		t.Fatalf("trace %+v", tr)
	}
}
