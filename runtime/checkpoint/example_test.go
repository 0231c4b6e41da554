package checkpoint_test

import (
	"fmt"
	"os"
	"path/filepath"

	"capmoe/runtime/checkpoint"
)

// A model folder is written in a stream, and a rank reads its part of a tensor.
func Example() {
	dir, err := os.MkdirTemp("", "checkpoint")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	if err := write(filepath.Join(dir, "model.safetensors")); err != nil {
		fmt.Println(err)
		return
	}
	if err := read(dir); err != nil {
		fmt.Println(err)
	}
	// Output:
	// rows 1 to 2: [10 11 12 20 21 22]
	// not found among 1 tensors; the nearest name is "model.embed_tokens.weight"
}

func write(path string) error {
	specs := []checkpoint.Spec{{Name: "model.embed_tokens.weight", DType: checkpoint.F32, Shape: []int{4, 3}}}
	w, err := checkpoint.Create(path, map[string]string{"format": "pt"}, specs)
	if err != nil {
		return err
	}
	defer w.Abort()
	for row := range 4 {
		first := float32(10 * row)
		if err := w.AppendFloat32("model.embed_tokens.weight", []float32{first, first + 1, first + 2}); err != nil {
			return err
		}
	}
	return w.Close()
}

func read(dir string) error {
	store, err := checkpoint.Open(dir)
	if err != nil {
		return err
	}
	defer store.Close()
	embedding, err := store.Tensor("model.embed_tokens.weight")
	if err != nil {
		return err
	}
	if err := embedding.Expect("vocab_size × hidden_size", 4, 3); err != nil {
		return err
	}
	rows := make([]float32, 2*3)
	if err := embedding.Rows(1, 2).Float32(rows); err != nil {
		return err
	}
	fmt.Println("rows 1 to 2:", rows)

	_, err = store.Tensor("embed_tokens.weight")
	if fault, ok := err.(*checkpoint.Error); ok {
		fmt.Println(fault.Err)
	}
	return nil
}
