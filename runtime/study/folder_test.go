package study

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// open opens the folder of a study until the test ends.
func open(t *testing.T, dir string, d Definition) *Folder {
	t.Helper()
	f, err := OpenFolder(dir, d)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func small() Definition {
	d := Default()
	d.Ranks, d.Systems, d.Repeats = []int{1, 2}, []string{"dropless", "drop"}, 2
	return d
}

func refuse(t *testing.T, dir string, d Definition, texts ...string) {
	t.Helper()
	f, err := OpenFolder(dir, d)
	if err == nil {
		f.Close()
		t.Fatalf("%s was opened, want %q", dir, texts)
	}
	for _, text := range append(texts, dir) {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("error %q is silent about %q", err, text)
		}
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

// Another study is refused, by the field that differs, and nothing is changed.
func TestAnotherStudy(t *testing.T) {
	for _, c := range []struct {
		rule  string
		with  func(*Definition)
		texts []string // nil: it is the same study
	}{
		{"the same goes on", func(*Definition) {}, nil},
		{"with more patience too", func(d *Definition) { d.Timeout *= 2 }, nil},
		{"other ranks", func(d *Definition) { d.Ranks = []int{1, 4} }, []string{"ranks is [1,2] there, [1,4] here"}},
		{"other factors", func(d *Definition) { d.Gamma = []float64{2} }, []string{"gamma is [1,1.5] there, [2] here"}},
		{"another seed", func(d *Definition) { d.Seed = 7 }, []string{"seed is 0 there, 7 here"}},
		{"another launcher", func(d *Definition) { d.Launcher = "srun" }, []string{`launcher is "mpirun" there, "srun" here`}},
		{"shapes where there were none", func(d *Definition) { d.Shapes = []string{"olmoe"} }, []string{`shapes is null there, ["olmoe"] here`}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			dir := t.TempDir()
			f, err := OpenFolder(dir, small())
			if err != nil {
				t.Fatal(err)
			}
			f.Close()
			d := small()
			c.with(&d)
			if c.texts == nil {
				open(t, dir, d)
				return
			}
			refuse(t, dir, d, c.texts...)
			open(t, dir, small())
		})
	}
}

func TestFolderFaults(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	write(t, file, "")
	refuse(t, file, small(), "not a directory")

	t.Run("one process at a time", func(t *testing.T) {
		dir := t.TempDir()
		open(t, dir, small())
		refuse(t, dir, small(), "another process", RowsFile)
	})
	t.Run("rows have a study", func(t *testing.T) {
		dir := t.TempDir()
		write(t, filepath.Join(dir, RowsFile), "something else")
		refuse(t, dir, small(), RowsFile, "14 bytes", DefinitionFile)
		if text, _ := os.ReadFile(filepath.Join(dir, RowsFile)); string(text) != "something else" {
			t.Errorf("the file has become %q", text)
		}
	})
	t.Run("a study is JSON", func(t *testing.T) {
		dir := t.TempDir()
		write(t, filepath.Join(dir, DefinitionFile), "{")
		refuse(t, dir, small(), DefinitionFile, "JSON")
	})
	t.Run("a row is JSON", func(t *testing.T) {
		dir := t.TempDir()
		f := open(t, dir, small())
		f.Append(Row{Cell: small().Cells()[0]})
		f.rows.Append([]byte("{\"cell\": 1}\n"))
		f.Close()
		refuse(t, dir, small(), RowsFile+":2", "cell")
	})
	t.Run("a row has a cell", func(t *testing.T) {
		dir := t.TempDir()
		f := open(t, dir, small())
		f.rows.Append([]byte("{}\n"))
		f.Close()
		refuse(t, dir, small(), RowsFile+":1", "no cell.id")
	})
}

// A row that a kill has cut short is gone, and its run is left to do.
func TestHalfRow(t *testing.T) {
	dir := t.TempDir()
	runs := small().Runs()
	f := open(t, dir, small())
	for _, r := range runs[:2] {
		if err := f.Append(Row{Cell: r.Cell, Repeat: r.Repeat}); err != nil {
			t.Fatal(err)
		}
	}
	f.Close()
	path := filepath.Join(dir, RowsFile)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	first := strings.Index(string(text), "\n") + 1
	for cut := first; cut < len(text); cut += 37 {
		write(t, path, string(text[:cut]))
		f := open(t, dir, small())
		if left := f.Left(runs, false); len(left) != len(runs)-1 || left[0].Cell.ID != runs[1].Cell.ID {
			t.Fatalf("cut at byte %d: %d runs left, want %d", cut, len(left), len(runs)-1)
		}
		f.Close()
	}
}

// No bytes in the files make a panic; a folder opens or says what is wrong.
func FuzzFolder(f *testing.F) {
	f.Add("{}", "")
	f.Add(`{"ranks": [1]}`, "{\"cell\": {\"id\": \"x\"}, \"repeat\": 1}\n{")
	f.Add("null", "null\n\n")
	f.Fuzz(func(t *testing.T, definition, rows string) {
		dir := t.TempDir()
		write(t, filepath.Join(dir, DefinitionFile), definition)
		write(t, filepath.Join(dir, RowsFile), rows)
		folder, err := OpenFolder(dir, Default())
		if err == nil {
			folder.Left(Default().Runs(), true)
			folder.Close()
		} else if !strings.Contains(err.Error(), dir) {
			t.Errorf("error %q does not name the folder", err)
		}
	})
}
