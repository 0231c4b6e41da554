package checkpoint

import (
	"os"
	"path/filepath"
	"testing"
)

// A fingerprint is that of the model, wherever it lies, and another one of another.
func TestFingerprintTellsModelsApart(t *testing.T) {
	model := func(config, name string, shape []int, values ...float32) string {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, configName), []byte(config), 0o666); err != nil {
			t.Fatal(err)
		}
		w, err := Create(filepath.Join(dir, singleName), nil, []Spec{{Name: name, DType: F32, Shape: shape}})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.AppendFloat32(name, values); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	of := func(dir string) string {
		mark, err := Fingerprint(dir)
		if err != nil || len(mark) != 8 {
			t.Fatalf("%q, %v", mark, err)
		}
		return mark
	}
	first := of(model("{}", "a", []int{2, 2}, 1, 2, 3, 4))
	for _, c := range []struct {
		rule string
		dir  string
		same bool
	}{
		{"a copy", model("{}", "a", []int{2, 2}, 1, 2, 3, 4), true},
		{"another value", model("{}", "a", []int{2, 2}, 1, 2, 3, 5), false},
		{"another configuration", model("{ }", "a", []int{2, 2}, 1, 2, 3, 4), false},
		{"another name", model("{}", "b", []int{2, 2}, 1, 2, 3, 4), false},
		{"another shape", model("{}", "a", []int{1, 4}, 1, 2, 3, 4), false},
	} {
		if got := of(c.dir); (got == first) != c.same {
			t.Errorf("%s has fingerprint %s, the first %s", c.rule, got, first)
		}
	}
	if _, err := Fingerprint(t.TempDir()); err == nil {
		t.Error("a folder without a model has a fingerprint")
	}
}
