package durable

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// reopened opens lines and returns what they hold.
func reopened(t *testing.T, path string, anew bool) (*Lines, string) {
	t.Helper()
	l, held, err := OpenLines(path, anew)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l, string(held)
}

func TestLines(t *testing.T) {
	for _, c := range []struct {
		rule, before string
		anew         bool
		held         string
	}{
		{"whole lines stay", "one\ntwo\n", false, "one\ntwo\n"},
		{"a line cut short is none", "one\ntwo\nthr", false, "one\ntwo\n"},
		{"even if it is the only one", "on", false, ""},
		{"an empty file holds none", "", false, ""},
		{"anew there are none", "one\ntwo\n", true, ""},
	} {
		t.Run(c.rule, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "lines")
			if err := os.WriteFile(path, []byte(c.before), 0o666); err != nil {
				t.Fatal(err)
			}
			l, held := reopened(t, path, c.anew)
			if held != c.held {
				t.Errorf("holds %q, want %q", held, c.held)
			}
			if all, err := os.ReadFile(path); !c.anew && string(all) != c.before {
				t.Errorf("opened the file is %q, %v; want %q", all, err, c.before)
			}
			for _, line := range []string{"four\n", "five\nsix\n"} {
				if err := l.Append([]byte(line)); err != nil {
					t.Fatal(err)
				}
			}
			all, err := os.ReadFile(path)
			if want := c.held + "four\nfive\nsix\n"; err != nil || string(all) != want {
				t.Errorf("the file is %q, %v; want %q", all, err, want)
			}
		})
	}
}

func TestLinesAreOneProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lines")
	first, _ := reopened(t, path, false)
	if _, _, err := OpenLines(path, true); !errors.Is(err, ErrLocked) {
		t.Errorf("a second time: %v, want %v", err, ErrLocked)
	}
	if err := first.Append([]byte("one\n")); err != nil {
		t.Fatal(err)
	}
	first.Close()
	if _, held := reopened(t, path, false); held != "one\n" {
		t.Errorf("after that holds %q", held)
	}
}

func TestLinesThatCannotBeOpened(t *testing.T) {
	for _, c := range []struct{ rule, path, text string }{
		{"a folder is no file", t.TempDir(), "directory"},
		{"the folder is there", filepath.Join(t.TempDir(), "missing", "lines"), "no such file"},
	} {
		if _, _, err := OpenLines(c.path, false); err == nil || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v", c.rule, err)
		}
	}
}

// A device takes lines and holds none; a full one is an error.
func TestLinesOfDevices(t *testing.T) {
	l, held := reopened(t, os.DevNull, true)
	if err := l.Append([]byte("one\n")); err != nil || held != "" {
		t.Errorf("%s holds %q, %v", os.DevNull, held, err)
	}
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("there is no /dev/full: a full device is left out")
	}
	full, _ := reopened(t, "/dev/full", false)
	if err := full.Append([]byte("one\n")); err == nil {
		t.Error("a full device takes a line")
	}
}
