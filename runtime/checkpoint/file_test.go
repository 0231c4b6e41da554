package checkpoint

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func TestOpenFileOfNoRegularFile(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.Mkdir("folder", 0o755); err != nil {
		t.Fatal(err)
	}
	_, err := OpenFile("gone.safetensors")
	if want := "checkpoint: gone.safetensors: stat: no such file or directory"; fmt.Sprint(err) != want {
		t.Errorf("a file that is not there: %v, want %s", err, want)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v is not fs.ErrNotExist", err)
	}
	_, err = OpenFile("folder")
	if want := "checkpoint: folder: not a regular file (type d---------)"; fmt.Sprint(err) != want {
		t.Errorf("a folder: %v, want %s", err, want)
	}
}

func TestFileCloses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f.safetensors")
	if err := os.WriteFile(path, rawFile(`{"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]}}`, 3), 0o666); err != nil {
		t.Fatal(err)
	}
	f, err := OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if x, ok := f.Tensor("a"); !ok || x.Name != "a" || x.File != path || len(x.Data) != 3 {
		t.Errorf("tensor %+v (found: %v)", x, ok)
	}
	if _, ok := f.Tensor("b"); ok {
		t.Error("found a tensor that is not there")
	}
	for range 2 {
		if err := f.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}
	if _, ok := f.Tensor("a"); ok {
		t.Error("a closed file gives tensors")
	}
}

// TestEveryTruncationIsRefused cuts a good file after every byte: nothing that
// opens may reach past its end.
func TestEveryTruncationIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f.safetensors")
	whole := rawFile(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, 8)
	for n := range whole {
		if err := os.WriteFile(path, whole[:n], 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenFile(path); err == nil {
			t.Errorf("%d of %d bytes open", n, len(whole))
		}
	}
}
