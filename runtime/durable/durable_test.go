package durable

import (
	"errors"
	"fmt"
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

// A link stays one, whether there is a file behind it or not; links in a circle lead nowhere.
func TestLinksAreFollowed(t *testing.T) {
	dir := t.TempDir()
	for _, folder := range []string{"from", "to"} {
		if err := os.Mkdir(filepath.Join(dir, folder), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	link, second, target := filepath.Join(dir, "from", "link"), filepath.Join(dir, "from", "second"), filepath.Join(dir, "to", "file")
	if err := errors.Join(os.Symlink("../to/file", link), os.Symlink(link, second)); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"first", "again"} {
		f := write(t, second, text)
		only(t, filepath.Join(dir, "from"), "link", "second")
		if err := f.Commit(); err != nil {
			t.Fatal(err)
		}
		only(t, filepath.Join(dir, "to"), "file")
		if got, err := os.ReadFile(target); string(got) != text {
			t.Fatalf("the file holds %q, %v, want %q", got, err, text)
		}
	}
	circle := filepath.Join(dir, "circle")
	if err := os.Symlink("circle", circle); err != nil {
		t.Fatal(err)
	}
	if _, err := Create(circle); !errors.Is(err, syscall.ELOOP) {
		t.Fatalf("a link to itself gives %v, want ELOOP", err)
	}
}

// A file that standard output goes to is written by that alone, by whatever path, /dev/stdout among them.
func TestStandardOutputIsNotWrittenOver(t *testing.T) {
	dir := t.TempDir()
	path, link := filepath.Join(dir, "file"), filepath.Join(dir, "link")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := os.Symlink(fmt.Sprintf("/proc/self/fd/%d", file.Fd()), link); err != nil { // as /dev/stdout is one
		t.Fatal(err)
	}
	stdout := os.Stdout
	os.Stdout = file
	defer func() { os.Stdout = stdout }()
	for _, path := range []string{path, link} {
		if _, err := Create(path); !errors.Is(err, errStandard) {
			t.Errorf("a file: %v, want %v", err, errStandard)
		}
		if _, _, err := OpenLines(path, true); !errors.Is(err, errStandard) {
			t.Errorf("lines: %v, want %v", err, errStandard)
		}
	}
	only(t, dir, "file", "link")
}
