package trace

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func file(t testing.TB, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

func packed(t testing.TB, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write([]byte(text))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

const line = `{"step": %d, "stage": "pre_dispatch", "block": "decoder", "layer": %d, "rank": %d, "num_tokens": %d, "topk": 2, "top_indices": %s}` + "\n"

// Steps follow each other, in a step the ranks, in a rank its tokens; layers keep their
// numbers.
func TestMegatronRanksAreJoined(t *testing.T) {
	dir := t.TempDir()
	for rank, text := range []string{
		fmt.Sprintf(line, 0, 3, 0, 2, "[[0, 1], [2, 3]]") + fmt.Sprintf(line, 0, 5, 0, 2, "[[4, 5], [6, 7]]") +
			fmt.Sprintf(line, 1, 3, 0, 1, "[[1, 2]]") + fmt.Sprintf(line, 1, 5, 0, 1, "[[3, 4]]") +
			`{"step": 1, "block": "mtp", "mtp_idx": 0, "layer": 0, "rank": 0, "num_tokens": 1, "topk": 2, "top_indices": [[9, 9]]}`,
		fmt.Sprintf(line, 0, 3, 1, 1, "[[5, 6]]") + fmt.Sprintf(line, 0, 5, 1, 1, "[[1, 0]]") +
			fmt.Sprintf(line, 1, 3, 1, 0, "[]") + fmt.Sprintf(line, 1, 5, 1, 0, "[]"),
	} {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("router_trace_rank%d.jsonl", rank)), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	tr, err := Load(dir, Hints{})
	if err != nil {
		t.Fatal(err)
	}
	if tr.Tokens != 4 || tr.Experts != 8 || tr.TopK != 2 || tr.Whole() || !tr.Unscored || !tr.Stepped || !slices.Equal(tr.Layers, []int{3, 5}) || !slices.Equal(tr.steps, []int{3, 1}) {
		t.Errorf("trace of %d tokens, steps %v, info %+v", tr.Tokens, tr.steps, tr.Info)
	}
	for i, want := range [][]uint16{{0, 1, 2, 3, 5, 6, 1, 2}, {4, 5, 6, 7, 1, 0, 3, 4}} {
		if !slices.Equal(tr.Choices[i].Expert, want) {
			t.Errorf("layer %d: choices %v, want %v", tr.Layers[i], tr.Choices[i].Expert, want)
		}
	}
}

func TestMegatronFaults(t *testing.T) {
	for _, c := range []struct {
		rule, text string
		hints      Hints
		want       string
	}{
		{"lines are JSON", "{", Hints{}, "line 1: not a line of a routing trace"},
		{"a line has its fields", `{"step": 1}`, Hints{}, `line 1: field "layer" is missing`},
		{"tokens are counted", fmt.Sprintf(line, 0, 0, 0, 3, "[[0, 1]]"), Hints{}, `"top_indices" has 1 tokens, field "num_tokens" says 3`},
		{"choices are counted", fmt.Sprintf(line, 0, 0, 0, 1, "[[0]]"), Hints{}, `token 0 has 1 experts, field "topk" says 2`},
		{"experts are not negative", fmt.Sprintf(line, 0, 0, 0, 1, "[[0, -1]]"), Hints{}, "line 1: not a line"},
		{"experts are below E", fmt.Sprintf(line, 0, 0, 0, 1, "[[0, 9]]"), Hints{Experts: 9}, "expert 9, want 0 to 8"},
		{"a token chooses an expert once", fmt.Sprintf(line, 0, 3, 0, 2, "[[0, 1], [2, 2]]"), Hints{}, "layer 3: token 1 has expert 2 twice"},
		{"a layer comes once a step", fmt.Sprintf(line, 0, 0, 0, 1, "[[0, 1]]") + fmt.Sprintf(line, 0, 0, 0, 1, "[[0, 1]]"), Hints{}, "line 2: step 0, layer 0 of rank 0 for the second time"},
		{"layers have the same tokens", fmt.Sprintf(line, 0, 0, 0, 1, "[[0, 1]]") + fmt.Sprintf(line, 0, 1, 0, 2, "[[0, 1], [1, 2]]"), Hints{}, "step 0: layer 1 has ranks and tokens [{0 2}], layer 0 [{0 1}]"},
		{"layers are few", fmt.Sprintf(line, 0, 4096, 0, 1, "[[0, 1]]"), Hints{}, `field "layer" is 4096, want 0 to 4095`},
		{"there are lines", "\n", Hints{}, "line 1"},
		{"there are tokens", fmt.Sprintf(line, 0, 0, 0, 0, "[]"), Hints{Experts: 4}, "0 tokens, want 1 or more"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			_, err := Load(file(t, "router_trace_rank0.jsonl", c.text), c.hints)
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "router_trace_rank0.jsonl") {
				t.Fatalf("error %v, want %q", err, c.want)
			}
		})
	}
}

func TestCounts(t *testing.T) {
	for _, c := range []struct {
		rule, name, text string
		hints            Hints
		topK             int
		tokens           int64
		layers           []int
		pairs            [][]int64
	}{
		{"by subject, of Mixtral", "c.json", `{"total_input_tokens": 5, "expert_popularity": [[3,1,2,2,0,0,1,1],[5,5,0,0,0,0,0,0]]}`,
			Hints{}, 2, 5, []int{0, 1}, [][]int64{{3, 1, 2, 2, 0, 0, 1, 1}, {5, 5, 0, 0, 0, 0, 0, 0}}},
		{"by domain, K from the first choices", "c.json", `{"m/expert_counts/a": [[4,2],[3,3],[1,5]], "m/expert_counts_top1/a": [[6,0],[3,3],[1,5]]}`,
			Hints{Set: "m/expert_counts/a"}, 1, 6, []int{0, 7, 15}, [][]int64{{4, 2}, {3, 3}, {1, 5}}},
		{"K from another set of the model", "c.json", `{"m/expert_counts/a": [[4,4,4],[4,4,4]], "m/expert_counts_top1/a": [[6,0,0],[3,3,0]], "m/expert_counts/b": [[2,1,1],[2,2,0]]}`,
			Hints{Set: "m/expert_counts/b"}, 2, 2, []int{0, 1}, [][]int64{{2, 1, 1}, {2, 2, 0}}},
		{"joint counts are added up", "c.json.gz", packed(t, `{"m/expert_counts_crosslayer/a": [[[0,1,3],[1,0,2]], [[0,0,1],[0,1,1],[1,1,3]]]}`),
			Hints{TopK: 1}, 1, 5, []int{0, 7, 15}, [][]int64{{3, 2}, {2, 3}, {1, 4}}},
		{"SGLang's CSV", "c.csv", "layer_id,expert_id,count\n3,0,4\n3,2,4\n1,1,4\n1,0,4\n",
			Hints{TopK: 2}, 2, 4, []int{1, 3}, [][]int64{{4, 4, 0}, {4, 0, 4}}},
		{"SGLang's counts by layer", "c.json", `{"rank": 0, "logical_count": [[0,0],[3,5]]}`, Hints{TopK: 1}, 1, 8, []int{1}, [][]int64{{3, 5}}},
		{"SGLang's counts by step", "c.json", `{"logical_count": [[[1,2]],[[2,3]]]}`, Hints{TopK: 1}, 1, 8, []int{0}, [][]int64{{3, 5}}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			path := file(t, c.name, c.text)
			l, err := OpenLoads(path, c.hints)
			if err != nil {
				t.Fatal(err)
			}
			check := func(l *Loads) {
				t.Helper()
				if l.TopK != c.topK || l.Tokens != c.tokens || !slices.Equal(l.Layers, c.layers) || fmt.Sprint(l.Pairs) != fmt.Sprint(c.pairs) {
					t.Errorf("top %d, %d tokens, layers %v, pairs %v", l.TopK, l.Tokens, l.Layers, l.Pairs)
				}
			}
			check(l)
			ours := filepath.Join(t.TempDir(), "c.routing")
			if err := l.Write(ours); err != nil {
				t.Fatal(err)
			}
			if l, err = OpenLoads(ours, Hints{}); err != nil {
				t.Fatal(err)
			}
			check(l)
			if _, err := Open(ours, Hints{}); err == nil || !strings.Contains(err.Error(), "counts by expert only") {
				t.Errorf("counts open as tokens: %v", err)
			}
		})
	}
}

func TestCountsFaults(t *testing.T) {
	for _, c := range []struct {
		rule, name, text string
		hints            Hints
		want             string
	}{
		{"JSON is an object", "c.json", "[1]", Hints{}, "not a JSON object of counts: array at byte 1"},
		{"sets are lists of layers", "c.json", `{"a": 3}`, Hints{}, `field "a": want [layers, E]: number at byte 1`},
		{"subjects are, too", "c.json", `{"expert_popularity": "x"}`, Hints{}, `field "expert_popularity": want [layers, E]: string at byte 3`},
		{"counts are whole", "c.json", `{"logical_count": [[1, 2.5]]}`, Hints{}, `field "logical_count": want [layers, E] or [steps, layers, E]: number at byte`},
		{"a set is named", "c.json", `{"a": [[1,1]], "b": [[1,1]]}`, Hints{}, `holds 2 sets of counts and none is named "", want one of a, b`},
		{"K is known", "c.json", `{"a": [[1,1]]}`, Hints{}, "give the top k"},
		{"K divides the pairs", "c.json", `{"a": [[1,2,2]]}`, Hints{TopK: 2}, "layer 0 has 5 pairs, want a multiple of top k 2"},
		{"a token chooses an expert once", "c.json", `{"a": [[5,1]]}`, Hints{TopK: 2}, "layer 0, expert 0: 5 pairs of 3 tokens"},
		{"counts are not negative", "c.json", `{"a": [[5,-1]]}`, Hints{TopK: 1}, "expert 1: count -1"},
		{"layers have the same experts", "c.json", `{"a": [[5,1],[6]]}`, Hints{TopK: 1}, "layer 1 has counts of 1 experts, want 2"},
		{"tokens are no more than pairs", "c.json", `{"total_input_tokens": 9, "expert_popularity": [[1,1]]}`, Hints{}, "layer 0 has 2 pairs"},
		{"joint counts agree", "c.json.gz", packed(t, `{"a": [[[0,1,3]],[[0,1,3]]]}`), Hints{TopK: 1}, "layer 1 has 3 tokens' choices in one pair of layers and 3 in the next, or others"},
		{"joint counts are packed", "c.gz", "{}", Hints{}, "c.gz"},
		{"packed files are whole", "c.gz", packed(t, strings.Repeat(`{"a":1}`, 99))[:20], Hints{}, "unpack"},
		{"CSV has its header", "c.csv", "layer,expert\n", Hints{}, "want layer_id,expert_id,count"},
		{"CSV holds numbers", "c.csv", "layer_id,expert_id,count\n1,x,2\n", Hints{}, `line 2: expert_id is "x", want 0 to 65535`},
		{"CSV is of few experts", "c.csv", "layer_id,expert_id,count\n4000,65535,2\n", Hints{}, "line 2: 4001 layers of 65536 experts, want at most"},
		{"steps have the same layers", "c.json", `{"logical_count": [[[1]],[[1],[2]]]}`, Hints{TopK: 1}, "step 1 has 2 layers, step 0 1"},
		{"steps have the same experts", "c.json", `{"logical_count": [[[1]],[[1,2]]]}`, Hints{TopK: 1}, "step 1, layer 0 has 2 experts, step 0 1"},
		{"counts that cancel are no layer without any", "c.json", `{"logical_count": [[4,-4],[2,6]]}`, Hints{TopK: 1}, "layer 0, expert 1: count -4, want 0"},
		{"steps do not make up for each other", "c.json", `{"logical_count": [[[4,4]],[[-1,5]]]}`, Hints{TopK: 1}, "step 1, layer 0, expert 0: count -1, want 0"},
		{"nor begin below nothing", "c.json", `{"logical_count": [[[-1,4]],[[1,5]]]}`, Hints{TopK: 1}, "step 0, layer 0, expert 0: count -1, want 0"},
		{"the sum of steps fits", "c.json", `{"logical_count": [[[1]],[[9223372036854775807]],[[9223372036854775807]]]}`, Hints{TopK: 1}, "step 1, layer 0, expert 0: count 9223372036854775807, want 0 to"},
		{"files are not empty", "c.json", "", Hints{}, "0 bytes"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			path := file(t, c.name, c.text)
			_, err := OpenLoads(path, c.hints)
			checkError(t, err, path, c.want)
		})
	}
}

// Counts of which K is not known are shown, but not such as no routing has.
func TestSetsFaults(t *testing.T) {
	for _, c := range []struct{ rule, text, want string }{
		{"there are experts", `{"a": [[],[]]}`, "a: counts of 0 experts, want 1"},
		{"counts are not negative", `{"a": [[5,-1]]}`, "a: layer 0, expert 1: count -1"},
		{"layers have the same experts", `{"a": [[5],[1,6]]}`, "a: layer 1 has counts of 2 experts, want 1"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			path := file(t, "c.json", c.text)
			_, err := Sets(path, Hints{})
			checkError(t, err, path, c.want)
		})
	}
}

// checkError fails without an error of a file that says what is wanted.
func checkError(t *testing.T, err error, path, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
		t.Fatalf("error %v, want %q", err, want)
	}
}

// A file with the operations that torch.save writes, of 2 steps, 3 layers and 4 experts.
func TestSGLangTorchFile(t *testing.T) {
	l, err := OpenLoads(filepath.Join("testdata", "sglang_stat.pt"), Hints{TopK: 2})
	if err != nil {
		t.Fatal(err)
	}
	if want := "[[4 6 1 5] [6 6 2 2]]"; fmt.Sprint(l.Pairs) != want || !slices.Equal(l.Layers, []int{0, 2}) || l.Tokens != 8 {
		t.Errorf("layers %v, pairs %v of %d tokens, want %s", l.Layers, l.Pairs, l.Tokens, want)
	}
}

func TestTorchFaults(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("testdata", "sglang_stat.pt"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ rule, text, want string }{
		{"the archive is whole", string(data[:200]), "not a file of torch.save"},
		{"the dict has counts", strings.Replace(string(data), "logical_count", "physical_cnts", 1), "checksum"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			if _, err := OpenLoads(file(t, "c.pt", c.text), Hints{TopK: 2}); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("error %v, want %q", err, c.want)
			}
		})
	}
}

// pickleOf is the pickle of the file above.
func pickleOf(t testing.TB) []byte {
	t.Helper()
	archive, err := zip.OpenReader(filepath.Join("testdata", "sglang_stat.pt"))
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	text, err := torchEntry(&archive.Reader, "data.pkl")
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// What is written for other programs is read back the same.
func TestSafetensorsBothWays(t *testing.T) {
	for _, m := range []int{3, 8} {
		want, err := Load(writeRouting(t, uniform(t, 8, 2), m), Hints{})
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "t.safetensors")
		if err := WriteSafetensors(path, want); err != nil {
			t.Fatal(err)
		}
		got, err := Load(path, Hints{})
		if err != nil {
			t.Fatal(err)
		}
		if got.Tokens != want.Tokens || got.TopK != want.TopK || got.Experts != want.Experts || fmt.Sprint(got.Choices) != fmt.Sprint(want.Choices) {
			t.Errorf("m %d: other choices", m)
		}
	}
}

// Choices of all experts are written for other programs as they are recorded, whatever their order in the file.
func TestChoicesOfAllExpertsAreInOrder(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "topk_ids.npy"), [2][1][2]int32{{{1, 0}}, {{0, 1}}})
	write(t, filepath.Join(dir, "topk_weights.npy"), [2][1][2]float32{{{0.7, 0.3}}, {{0.6, 0.4}}})
	want := []float32{0.3, 0.7, 0.6, 0.4}
	tr, err := Load(dir, Hints{})
	for _, name := range []string{"t.safetensors", ""} {
		if err != nil || tr.Experts != 2 || tr.Choices[0].Expert != nil || !slices.Equal(tr.Choices[0].Score, want) {
			t.Fatalf("%v, %+v, want scores %v", err, tr, want)
		}
		if path := filepath.Join(dir, name); name != "" {
			if err := WriteSafetensors(path, tr); err != nil {
				t.Fatal(err)
			}
			tr, err = Load(path, Hints{})
		}
	}
}

// parsers are fed whatever bytes; what they take must have a sound summary.
func fuzzFile(f *testing.F, name string, seeds ...string) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	path := filepath.Join(f.TempDir(), name)
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(path, data, 0o666); err != nil {
			t.Fatal(err)
		}
		if loads, err := IsLoads(path); err == nil && loads {
			sets, err := Sets(path, Hints{})
			for _, l := range sets {
				if err == nil {
					l.Summary(Measure{Gammas: []float64{1}, Ranks: 2})
				}
			}
			return
		}
		if tr, err := Load(path, Hints{}); err == nil {
			if _, err := Summarize(path, &memory{trace: tr}, Measure{Gammas: []float64{1}, Ranks: 2}); err != nil && !strings.Contains(err.Error(), "NaN") {
				t.Error(err)
			}
		}
	})
}

// A file that is none of the formats is told by what it starts with, and the formats are named.
func TestUnknownFormat(t *testing.T) {
	header := "{}      "
	safetensors := string([]byte{byte(len(header)), 0, 0, 0, 0, 0, 0, 0}) + header
	for _, c := range []struct{ rule, name, text, want string }{
		{"an array alone is no folder of them", "topk_ids.npy", "\x93NUMPY\x01\x00v\x00{'descr'", `starts with "\x93NUMPY\x01\x00v", not a recording`},
		{"text is none", "a.txt", "hello, world", `starts with "hello, wo", not a recording`},
		{"a short file is none", "a", "x", `starts with "x", not a recording`},
		{"an empty file is none", "a", "", "0 bytes"},
		{"safetensors are told by the header", "a", safetensors, "metadata top_k"},
		{"or by the name", "a.safetensors", "hello, world", "not a safetensors file?"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			path := file(t, c.name, c.text)
			_, err := Load(path, Hints{})
			checkError(t, err, path, c.want)
			if strings.Contains(c.want, "not a recording") && !strings.HasSuffix(err.Error(), known) {
				t.Errorf("error %v does not name the formats", err)
			}
		})
	}
}

func FuzzMegatron(f *testing.F) {
	fuzzFile(f, "router_trace_rank0.jsonl", fmt.Sprintf(line, 0, 3, 0, 2, "[[0, 1], [2, 3]]")+fmt.Sprintf(line, 0, 5, 0, 2, "[[4, 5], [6, 7]]"))
}

func FuzzCounts(f *testing.F) {
	fuzzFile(f, "c.json", `{"m/expert_counts/a": [[4,2]], "m/expert_counts_top1/a": [[6,0]]}`, `{"logical_count": [[[1,2]],[[2,3]]]}`, `{"total_input_tokens": 2, "expert_popularity": [[2,2]]}`)
}

func FuzzPairs(f *testing.F) {
	f.Add([]byte(`{"a_crosslayer": [[[0,1,3],[1,0,2]], [[0,0,1],[0,1,1],[1,1,3]]]}`))
	f.Fuzz(func(_ *testing.T, data []byte) {
		sets, _ := parsePairs(data)
		for _, l := range sets {
			if l.TopK > 0 && l.check() == nil {
				l.Summary(Measure{Gammas: []float64{1}, Ranks: 2})
			}
		}
	})
}

func FuzzSGLang(f *testing.F) {
	fuzzFile(f, "c.csv", "layer_id,expert_id,count\n3,0,4\n3,2,4\n1,1,4\n1,0,4\n")
}

// FuzzTorch feeds whatever pickle to the archive above.
func FuzzTorch(f *testing.F) {
	f.Add(pickleOf(f))
	archive, err := zip.OpenReader(filepath.Join("testdata", "sglang_stat.pt"))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(_ *testing.T, data []byte) {
		value, _ := unpickle(data)
		dict, _ := value.(map[string]any)
		if tensor, there := dict["logical_count"].(pickledCall); there {
			torchCounts(&archive.Reader, tensor)
		}
	})
}

func FuzzNPY(f *testing.F) {
	data, err := os.ReadFile(filepath.Join(record(f, [2][1][2]int32{{{3, 0}}, {{1, 2}}}), "topk_ids.npy"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	path := filepath.Join(f.TempDir(), "x.npy")
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(path, data, 0o666); err != nil {
			t.Fatal(err)
		}
		if x, err := readNPY(path); err == nil {
			x.Int32(make([]int32, x.Elements()))
		}
	})
}
