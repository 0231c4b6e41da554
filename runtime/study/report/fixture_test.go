package report

import (
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"capmoe/runtime/study"
)

// fixture is real rows: tiny-olmoe on 1, 2 and 4 ranks of a machine of two cores, six
// systems, three capacity factors, two repeats.
func fixture(t testing.TB) []byte {
	t.Helper()
	text, err := fixtureText()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

var fixtureText = sync.OnceValues(func() ([]byte, error) {
	file, err := os.Open("testdata/rows.jsonl.gz")
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := gzip.NewReader(file)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(text)
})

// written is a folder with the fixture and its report, for tests that only read.
func written(t testing.TB) string {
	t.Helper()
	if _, err := fixtureReport(); err != nil {
		t.Fatal(err)
	}
	return fixtureFolder
}

// fixtureFolder is where fixtureReport writes; TestMain makes and removes it.
var fixtureFolder string

var fixtureReport = sync.OnceValues(func() (*Report, error) {
	text, err := fixtureText()
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(fixtureFolder, study.RowsFile), text, 0o666); err != nil {
		return nil, err
	}
	r, err := New(fixtureFolder)
	if err != nil {
		return nil, err
	}
	return r, r.Write(fixtureFolder)
})

func TestMain(m *testing.M) { os.Exit(withFolder(m)) }

func withFolder(m *testing.M) int {
	var err error
	if fixtureFolder, err = os.MkdirTemp("", "capmoe-report-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(fixtureFolder)
	return m.Run()
}

func readFile(t testing.TB, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
