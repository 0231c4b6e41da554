package durable

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func write(t *testing.T, path, text string) *File {
	t.Helper()
	f, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
	return f
}

func only(t *testing.T, dir string, want ...string) {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != len(want) {
		t.Fatalf("%d files in the folder, want %v", len(list), want)
	}
	for i, f := range list {
		if f.Name() != want[i] {
			t.Fatalf("file %s, want %s", f.Name(), want[i])
		}
	}
}

func TestNothingHasTheNameBeforeCommit(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a")
	f := write(t, path, "new")
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("before commit: %v", err)
	}
	if err := f.Commit(); err != nil {
		t.Fatal(err)
	}
	f.Discard()
	only(t, dir, "a")
}

func TestDiscardKeepsWhatWasThere(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a")
	if err := write(t, path, "old").Commit(); err != nil {
		t.Fatal(err)
	}
	write(t, path, "new").Discard()
	only(t, dir, "a")
	if text, _ := os.ReadFile(path); string(text) != "old" {
		t.Fatalf("file holds %q, want old", text)
	}
}

// The hidden file is in the folder that the path names, and a folder that is not there is an
// error before anything is written.
func TestPathsAreTakenAsTheyAre(t *testing.T) {
	dir := t.TempDir()
	here, there := filepath.Join(dir, "here"), filepath.Join(dir, "there")
	if err := errors.Join(os.Mkdir(here, 0o777), os.MkdirAll(filepath.Join(there, "deep"), 0o777), os.Symlink(filepath.Join(there, "deep"), filepath.Join(here, "link"))); err != nil {
		t.Fatal(err)
	}
	f := write(t, here+"/link/../a", "new")
	defer f.Discard()
	only(t, there, filepath.Base(f.Name()), "deep")
	if err := f.Commit(); err != nil {
		t.Fatal(err)
	}
	only(t, there, "a", "deep")
	only(t, here, "link")
	if _, err := Create(here + "/missing/../a"); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("a folder that is not there: %v", err)
	}
}

func TestDeviceIsWrittenAsItIs(t *testing.T) {
	f, err := Create("/dev/full")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Discard()
	if _, err := f.WriteString("x"); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("a full device gives %v, want ENOSPC", err)
	}
}

func TestFolderIsRefused(t *testing.T) {
	if _, err := Create(t.TempDir()); err == nil {
		t.Fatal("a folder was taken for a file")
	}
}
