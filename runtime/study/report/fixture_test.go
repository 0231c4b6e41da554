package report

import (
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"
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

// studyOf is a folder with rows.
func studyOf(t testing.TB, text []byte) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "tiny")
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, rowsFile), text, 0o666); err != nil {
		t.Fatal(err)
	}
	return dir
}

// written is a folder with the fixture's report.
func written(t testing.TB) string {
	t.Helper()
	dir := studyOf(t, fixture(t))
	r, err := New(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Write(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

func readFile(t testing.TB, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
