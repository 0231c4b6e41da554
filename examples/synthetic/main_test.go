package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"capmoe/runtime/checkpoint"
)

const shipped = "../tiny-olmoe/config.json"

// What is written is a model of so many layers.
func TestModelIsWhole(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made")
	if err := run([]string{"--config", shipped, "--layers", "2", "--out", dir, "--shard-bytes", "1000000"}); err != nil {
		t.Fatal(err)
	}
	config, err := checkpoint.ReadConfig(dir)
	if err != nil || config.Model.Layers != 2 {
		t.Fatalf("%+v, %v, want 2 layers", config, err)
	}
	store, err := checkpoint.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if !store.Has("model.layers.1.mlp.gate.weight") || store.Has("model.layers.2.mlp.gate.weight") {
		t.Errorf("tensors %v, want those of 2 layers", store.Names())
	}
}

// A folder that holds a model stays as it is, and layers that a model does not have are not made.
func TestModelsStay(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "config.json")
	text, err := os.ReadFile(shipped)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o666); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--config", path, "--layers", "1", "--out", dir}, "--out " + dir + " holds config.json"},
		{[]string{"--config", path, "--layers", "5", "--out", filepath.Join(dir, "new")}, `config.json: --layers 5: field "num_hidden_layers" is 4`},
	} {
		if err := run(c.args); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v, want %q", c.args, err, c.want)
		}
	}
	if after, _ := os.ReadFile(path); string(after) != string(text) {
		t.Error("the configuration is another one")
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("%d files in the folder, want the one that was there", len(entries))
	}
}
