package checkpoint

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// folder makes files, with content by name, in a new folder "m" of a new
// working folder. A content that starts with { and is no index is a header.
func folder(t *testing.T, files map[string]string) {
	t.Helper()
	t.Chdir(t.TempDir())
	for name, content := range files {
		path := filepath.Join("m", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		raw := []byte(content)
		if strings.HasSuffix(name, extension) {
			raw = rawFile(content, strings.Count(content, "U8"))
		}
		if err := os.WriteFile(path, raw, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll("m", 0o777); err != nil {
		t.Fatal(err)
	}
}

// bytesNamed is a header of one-byte tensors.
func bytesNamed(names ...string) string {
	var members []string
	for i, name := range names {
		members = append(members, fmt.Sprintf(`%q:{"dtype":"U8","shape":[1],"data_offsets":[%d,%d]}`, name, i, i+1))
	}
	return "{" + strings.Join(members, ",") + "}"
}

func TestOpenFinds(t *testing.T) {
	for _, c := range []struct {
		rule  string
		files map[string]string
		names string
		file  string // of tensor a
	}{
		{"model.safetensors", map[string]string{singleName: bytesNamed("b", "a")}, "a b", "m/model.safetensors"},
		{"model.safetensors beside others", map[string]string{singleName: bytesNamed("a"), "x.safetensors": bytesNamed("b")}, "a", "m/model.safetensors"},
		{"the only file of another name", map[string]string{"x.safetensors": bytesNamed("a"), "readme": ""}, "a", "m/x.safetensors"},
		{"shards", map[string]string{indexName: `{"metadata":{"total_size":2},"weight_map":{"a":"x.safetensors","b":"sub/y.safetensors"}}`,
			"x.safetensors": bytesNamed("a"), "sub/y.safetensors": bytesNamed("b")}, "a b", "m/x.safetensors"},
		{"an index of model.safetensors", map[string]string{indexName: `{"weight_map":{"a":"x.safetensors","b":"model.safetensors"}}`,
			"x.safetensors": bytesNamed("a"), singleName: bytesNamed("b")}, "a b", "m/x.safetensors"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			folder(t, c.files)
			s, err := Open("m")
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if got := strings.Join(s.Names(), " "); got != c.names {
				t.Errorf("tensors %s, want %s", got, c.names)
			}
			for _, name := range s.Names() {
				if x, err := s.Tensor(name); err != nil || x.Name != name || !s.Has(name) {
					t.Errorf("tensor %q: %+v, %v", name, x, err)
				}
			}
			if x, err := s.Tensor("a"); err != nil || x.File != c.file {
				t.Errorf("tensor a is in %s, want %s (%v)", x.File, c.file, err)
			}
			if s.Has("c") {
				t.Error("has a tensor that is not there")
			}
		})
	}
}

func TestOpenRefuses(t *testing.T) {
	index := func(text string) map[string]string {
		return map[string]string{indexName: text, "x.safetensors": bytesNamed("a")}
	}
	const path = "m/model.safetensors.index.json: "
	for _, c := range []struct {
		rule  string
		files map[string]string
		want  string
	}{
		{"a folder without tensors", map[string]string{"readme": ""},
			"m: no model.safetensors.index.json, no model.safetensors, and no other *.safetensors: file does not exist"},
		{"several files without an index", map[string]string{"x.safetensors": "{}", "y.safetensors": "{}"},
			"m: 2 files x.safetensors … and no model.safetensors.index.json says what is in which"},
		{"a file with a fault", map[string]string{singleName: `{"a":3}`}, `m/model.safetensors: tensor "a": byte 6: 3, want an object`},
		{"two models", map[string]string{indexName: `{"weight_map":{"a":"x.safetensors"}}`, "x.safetensors": bytesNamed("a"), singleName: bytesNamed("a")},
			"m: two models: model.safetensors, and the shards of model.safetensors.index.json, of which it is none"},
		{"an index that is not JSON", index("<html>"), path + `byte 0: invalid character '<' looking for beginning of value`},
		{"an index that ends early", index(`{"weight_map":{"a":"x.safetensors"}`), path + `byte 35: the text ends early`},
		{"an index of something else", index(`{"metadata":{}}`), path + `weight_map is missing`},
		{"two weight maps", index(`{"weight_map":{},"weight_map":{}}`), path + `byte 29: "weight_map" is named twice`},
		{"a tensor in two shards", index(`{"weight_map":{"a":"x.safetensors","a":"y.safetensors"}}`), path + `byte 38: "a" is named twice`},
		{"a shard without a name", index(`{"weight_map":{"a":null}}`), path + `weight_map "a" is null, want a string`},
		{"a shard of empty name", index(`{"weight_map":{"a":""}}`), path + `weight_map: tensor "a": shard "" is not a path within the folder`},
		{"a shard at an absolute path", index(`{"weight_map":{"a":"/etc/passwd"}}`),
			path + `weight_map: tensor "a": shard "/etc/passwd" is not a path within the folder`},
		{"a shard above the folder", index(`{"weight_map":{"a":"x/../../y.safetensors"}}`),
			path + `weight_map: tensor "a": shard "x/../../y.safetensors" is not a path within the folder`},
		{"shards that are not there", index(`{"weight_map":{"a":"x.safetensors","b":"z.safetensors","c":"y.safetensors","d":"y.safetensors"}}`),
			path + `2 of 3 shards are missing: y.safetensors, z.safetensors`},
	} {
		t.Run(c.rule, func(t *testing.T) {
			folder(t, c.files)
			_, err := Open("m")
			if want := "checkpoint: " + c.want; fmt.Sprint(err) != want {
				t.Errorf("error\n got %v\nwant %s", err, want)
			}
		})
	}
	_, err := Open("gone")
	if want := "checkpoint: gone: open: no such file or directory"; fmt.Sprint(err) != want || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a folder that is not there: %v, want %s", err, want)
	}
}

func TestStoreTensorRefuses(t *testing.T) {
	folder(t, map[string]string{
		indexName:           `{"weight_map":{"model.norm.weight":"good.safetensors","lm_head.weight":"good.safetensors","lies":"good.safetensors","cut":"bad.safetensors","mine":"twice.safetensors"}}`,
		"twice.safetensors": bytesNamed("mine", "lm_head.weight"),
		"good.safetensors":  bytesNamed("model.norm.weight", "lm_head.weight", "extra"),
		"bad.safetensors":   `{"cut":`,
	})
	s, err := Open("m")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		rule, name, want string
		missing          bool
	}{
		{"a name that is not there", "model.norm.wieght",
			`m: tensor "model.norm.wieght": not found among 5 tensors; the nearest name is "model.norm.weight"`, true},
		{"a tensor that the index leaves out", "extra", `m: tensor "extra": not found among 5 tensors; the nearest name is "cut"`, true},
		{"a tensor that its shard leaves out", "lies",
			`m/good.safetensors: tensor "lies": not among the 3 tensors of this shard, where model.safetensors.index.json says it is`, false},
		{"a shard with a tensor of another", "mine",
			`m/twice.safetensors: tensor "lm_head.weight": also here, where model.safetensors.index.json says it is in good.safetensors`, false},
		{"a shard with a fault", "cut", `m/bad.safetensors: tensor "cut": byte 7: the text ends early`, false},
	} {
		t.Run(c.rule, func(t *testing.T) {
			_, err := s.Tensor(c.name)
			if want := "checkpoint: " + c.want; fmt.Sprint(err) != want {
				t.Errorf("error\n got %v\nwant %s", err, want)
			}
			if errors.Is(err, ErrNotFound) != c.missing {
				t.Errorf("%v is ErrNotFound: %v, want %v", err, !c.missing, c.missing)
			}
		})
	}
	for range 2 {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}
	if _, err := s.Tensor("lm_head.weight"); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("tensor of a closed store: %v", err)
	}
	folder(t, map[string]string{singleName: "{}"})
	if s, err = Open("m"); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Tensor("a"); fmt.Sprint(err) != `checkpoint: m: tensor "a": not found, the folder has no tensors` {
		t.Errorf("tensor of an empty folder: %v", err)
	}
}

func TestShardsAreOpenedWhenAskedFor(t *testing.T) {
	folder(t, map[string]string{
		indexName:       `{"weight_map":{"a":"x.safetensors","b":"y.safetensors"}}`,
		"x.safetensors": bytesNamed("a"), "y.safetensors": bytesNamed("b"),
	})
	s, err := Open("m")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if len(s.files) != 0 {
		t.Errorf("%d shards open, none was asked for", len(s.files))
	}
	var calls sync.WaitGroup
	for range 8 {
		calls.Go(func() {
			if _, err := s.Tensor("b"); err != nil {
				t.Error(err)
			}
		})
	}
	calls.Wait()
	if len(s.files) != 1 || s.files["y.safetensors"] == nil {
		t.Errorf("open: %v, want y.safetensors alone", s.files)
	}
	first, _ := s.Tensor("b")
	again, _ := s.Tensor("b")
	if &first.Data[0] != &again.Data[0] {
		t.Error("a shard was mapped twice")
	}
}

// FuzzIndex: any text is refused with one line or names shards in the folder.
func FuzzIndex(f *testing.F) {
	f.Add([]byte(`{"metadata":{"total_size":2},"weight_map":{"a":"x.safetensors","b":"sub/y.safetensors"}}`))
	f.Add([]byte(`{"weight_map":{"a":"../x"}}`))
	f.Add([]byte(`{"weight_map":{"a":["x"]}}`))
	f.Add([]byte(`{"weight_map":{"a":"x","\u0061":"y"}} `))
	f.Fuzz(func(t *testing.T, text []byte) {
		shards, err := parseIndex(text)
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Fatalf("error of several lines: %q", err)
			}
			return
		}
		for tensor, file := range shards {
			if path := filepath.Join("folder", file); path != "folder" && !strings.HasPrefix(path, "folder/") {
				t.Fatalf("tensor %q: shard %q leads to %s", tensor, file, path)
			}
		}
	})
}
