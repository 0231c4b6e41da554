package study

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestDecode(t *testing.T) {
	want := Default()
	want.Ranks, want.Gamma, want.Timeout, want.Models = []int{1, 16}, []float64{1, 1.25}, 90*time.Second, []string{"a b"}
	f, err := Decode("s.yaml", []byte("# a study\nranks: [1, 16]\ngamma:\n  - 1\n  - 1.25\ntimeout: 1m30s\nmodels: [a b]\n"))
	if err != nil || !reflect.DeepEqual(f.Definition, want) {
		t.Fatalf("%+v, %v, want %+v", f, err, want)
	}
	f, err = Decode("s.yaml", []byte("gamma: [1e-3, 1.5E+2, 2., .5, 0.25]\n"))
	if want := []float64{1e-3, 150, 2, 0.5, 0.25}; err != nil || !reflect.DeepEqual(f.Definition.Gamma, want) {
		t.Errorf("%+v, %v, want gamma %v", f, err, want)
	}
	for _, text := range []string{"", "# nothing\n", "---\n"} {
		if f, err := Decode("s.yaml", []byte(text)); err != nil || !reflect.DeepEqual(f.Definition, Default()) {
			t.Errorf("%q: %+v, %v, want the defaults", text, f, err)
		}
	}
}

func TestDecodeFaults(t *testing.T) {
	for _, c := range []struct{ rule, text, want string }{
		{"fields are known", "ranks: [1]\nrank: [2]\n", `study: s.yaml:2: unknown field "rank", want one of ranks, scaling`},
		{"a field is there once", "ranks: [1]\nranks: [2]\n", `study: s.yaml:2: mapping key "ranks" already defined`},
		{"a list is a list", "steps: 1\nranks: 4\n", `study: s.yaml:2: ranks: "4", want a list`},
		{"a number is no list", "steps: [1]\n", `study: s.yaml:1: steps: a sequence, want a whole number`},
		{"values of a list have its type", "ranks:\n  - 1\n  - two\n", `study: s.yaml:3: ranks[1]: "two", want a whole number`},
		{"a whole number has no fraction", "repeats: 1.5\n", `repeats: "1.5", want a whole number`},
		{"a whole number fits", "repeats: 99999999999999999999\n", `repeats: "99999999999999999999"`},
		{"a seed is not negative", "seed: -1\n", `seed: "-1" does not fit, want a whole number`},
		{"a factor is a number", "gamma: [much]\n", `gamma[0]: "much", want a number`},
		{"a factor is finite", "gamma: [.inf]\n", `gamma[0]: ".inf", want a number`},
		{"a factor fits", "gamma: [1e999]\n", `gamma[0]: "1e999", want a number`},
		{"a factor is no text", "gamma: ['1']\n", `gamma[0]: "1", want a number`},
		{"a factor is no octal number", "gamma: [010]\n", `gamma[0]: "010", want a number`},
		{"ranks are no octal number", "ranks: [8, 010]\n", `ranks[1]: "010", want a whole number`},
		{"a text is no switch", "systems: [true]\n", `systems[0]: "true", want a text`},
		{"a field has a value", "ranks:\n", `study: s.yaml:1: ranks: no value`},
		{"a time has a unit", "timeout: 10\n", `timeout: "10", want a time`},
		{"a time is one", "timeout: soon\n", `timeout: "soon" does not fit, want a time`},
		{"values stand for themselves", "ranks: &a [1]\nstep-tokens: *a\n", `study: s.yaml:1: ranks: `},
		{"a study is fields", "- ranks\n", "study: s.yaml:1: a sequence, want fields"},
		{"a study is YAML", "ranks: [1\n", "study: s.yaml:1: "},
		{"a study is text", "ranks: [\x91]\n", "study: s.yaml is not UTF-8: byte 0x91 at offset 8 of 11"},
		{"a file is one study", "ranks: [1]\n---\nranks: [2]\n", "study: s.yaml: 2 documents, want one"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			_, err := Decode("s.yaml", []byte(c.text))
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %v, want %q on one line", err, c.want)
			}
		})
	}
}

// A fault of a value is told with its line.
func TestPlace(t *testing.T) {
	f, err := Decode("s.yaml", []byte("steps: 0\nranks:\n  - 1\n\n  - 0\n"))
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, fault := range f.Definition.Validate() {
		told = append(told, f.Place(fault).Error())
	}
	want := []string{"study: s.yaml:5: ranks[1]: 0, want 1 or more", "study: s.yaml:1: steps: 0, want 1 or more"}
	if !reflect.DeepEqual(told, want) {
		t.Errorf("faults %q, want %q", told, want)
	}
}

// The shipped studies are sound.
func TestShippedStudies(t *testing.T) {
	files, err := filepath.Glob("../../examples/studies/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d studies, %v", len(files), err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		f, err := Decode(name, text)
		if err != nil {
			t.Fatal(err)
		}
		if faults := f.Definition.Validate(); faults != nil {
			t.Errorf("%s: %v", name, faults)
		}
	}
}

// No text makes a panic; what decodes and is valid has a grid.
func FuzzDecode(f *testing.F) {
	for _, text := range []string{"", "ranks: [1, 2]\n", "gamma: [1.5]\ntimeout: 1m\n", "ranks: &a [1]\nranks: *a", "a: {b: [c]}", "- 1", "\t", "? x\n: y", "ranks: !!int [1]", "<<: {ranks: [7]}"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		file, err := Decode("s.yaml", []byte(text))
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("error of several lines: %q", err)
			}
			return
		}
		faults := file.Definition.Validate()
		for _, fault := range faults {
			if file.Place(fault) == nil {
				t.Error("a fault is lost")
			}
		}
		d := file.Definition
		if size := len(d.Ranks) * len(d.Gamma) * len(d.StepTokens) * len(d.Models) * len(d.Workloads); faults == nil && size < 1000 && len(d.Cells()) == 0 {
			t.Errorf("a valid study without a cell: %+v", d)
		}
	})
}
