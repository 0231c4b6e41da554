package trace

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// uniform is made routing of two layers.
func uniform(t testing.TB, experts, topK int) Stream {
	t.Helper()
	s, err := Synthetic{Experts: experts, TopK: topK, Layers: 2, Steps: 3, StepTokens: 10, Ranks: 1, Seed: 7}.Stream()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// write writes a stream with the best m scores to a file.
func writeRouting(t testing.TB, s Stream, m int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "t.routing")
	info := s.Info()
	info.Recorded = m
	w, err := Create(path, info)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	if err := Each(s, w.Step); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// rowsOf reads all scores of a stream, [layers][T·E], as bits.
func rowsOf(t testing.TB, s Stream) (all [][]uint32) {
	t.Helper()
	all = make([][]uint32, len(s.Info().Layers))
	err := Each(s, func(step Step) error {
		for i := range all {
			experts := s.Info().Experts
			rows := make([]float32, step.Tokens*experts)
			for from := 0; from < step.Tokens; from += 3 { // in pieces, as ranks read them
				to := min(from+3, step.Tokens)
				step.Rows(rows[from*experts:to*experts], i, from, to)
			}
			for _, v := range rows {
				all[i] = append(all[i], math.Float32bits(v))
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func open(t testing.TB, path string) Stream {
	t.Helper()
	s, err := Open(path, Hints{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestRoutingKeepsEveryBit(t *testing.T) {
	for _, c := range []struct {
		rule        string
		experts, m  int
		bytesOfPair int
	}{
		{"all scores need no ids", 8, 8, 4},
		{"ids of few experts are of one byte", 256, 5, 5},
		{"ids of many experts are of two", 300, 5, 6},
	} {
		t.Run(c.rule, func(t *testing.T) {
			path := writeRouting(t, uniform(t, c.experts, 2), c.m)
			got, want := rowsOf(t, open(t, path)), rowsOf(t, uniform(t, c.experts, 2))
			for i := range want {
				for from := 0; from < len(want[i]); from += c.experts {
					row := want[i][from : from+c.experts]
					bar := slices.Sorted(slices.Values(row))[c.experts-c.m] // scores are positive: bits are in their order
					for e, bits := range row {
						if bits < bar {
							bits = math.Float32bits(negativeInfinity)
						}
						if got[i][from+e] != bits {
							t.Fatalf("layer %d, token %d, expert %d: bits %08x, want %08x", i, from/c.experts, e, got[i][from+e], bits)
						}
					}
				}
			}
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			if payload := 2 * 30 * c.m * c.bytesOfPair; int(info.Size()) > payload+600 {
				t.Errorf("%d bytes for %d of scores and ids", info.Size(), payload)
			}
		})
	}
}

func TestStepsAndRequestsAreKept(t *testing.T) {
	tr := &Trace{
		Info: Info{Experts: 4, TopK: 1, Recorded: 4, Layers: []int{3, 9}, Stepped: true}, Tokens: 5, steps: []int{2, 3},
		Requests: []Run{{7, 1}, {8, 3}, {7, 1}}, Choices: []Choices{{Score: make([]float32, 20)}, {Score: make([]float32, 20)}},
	}
	s := open(t, writeRouting(t, &memory{trace: tr}, 4))
	if got := s.Info(); !slices.Equal(got.Layers, []int{3, 9}) || !got.Stepped {
		t.Errorf("info %+v", got)
	}
	var got []string
	if err := Each(s, func(s Step) error {
		got = append(got, fmt.Sprint(s.Number, s.First, s.Tokens, s.Requests))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if want := []string{"0 0 2 [{7 1} {8 1}]", "1 2 3 [{8 2} {7 1}]"}; !slices.Equal(got, want) {
		t.Errorf("steps %q, want %q", got, want)
	}
}

// readAll reads a file to its end.
func readAll(path string) error {
	loads, err := IsLoads(path)
	if err != nil {
		return err
	}
	if loads {
		_, err := OpenLoads(path, Hints{})
		return err
	}
	s, err := Open(path, Hints{})
	if err != nil {
		return err
	}
	defer s.Close()
	return Each(s, func(step Step) error {
		row := make([]float32, s.Info().Experts)
		for i := range s.Info().Layers {
			step.Rows(row, i, step.Tokens-1, step.Tokens)
		}
		return nil
	})
}

// A file that lacks its end, however much of it, or has another bit anywhere, is not
// read to the end without an error that names it.
func TestDamageIsSeen(t *testing.T) {
	loads := &Loads{Info: Info{Experts: 4, TopK: 2, Recorded: 2, Layers: []int{0, 5}}, Tokens: 10, Pairs: [][]int64{{5, 5, 5, 5}, {10, 10, 0, 0}}}
	counts := filepath.Join(t.TempDir(), "c.routing")
	if err := loads.Write(counts); err != nil {
		t.Fatal(err)
	}
	for rule, whole := range map[string]string{"tokens": writeRouting(t, uniform(t, 8, 2), 3), "loads": counts} {
		t.Run(rule, func(t *testing.T) {
			data, err := os.ReadFile(whole)
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(t.TempDir(), "damaged.routing")
			try := func(what string, damaged []byte) {
				if err := os.WriteFile(path, damaged, 0o666); err != nil {
					t.Fatal(err)
				}
				if err := readAll(path); err == nil || !strings.Contains(err.Error(), path) {
					t.Fatalf("%s: error %v", what, err)
				}
			}
			if err := readAll(whole); err != nil {
				t.Fatal(err)
			}
			for n := range data {
				try(fmt.Sprintf("cut to %d bytes", n), data[:n])
				flipped := bytes.Clone(data)
				flipped[n] ^= 1 << (n % 8)
				try(fmt.Sprintf("byte %d flipped", n), flipped)
			}
			try("more bytes", append(data, 0))
		})
	}
}

func TestDamageIsNamed(t *testing.T) {
	whole := writeRouting(t, uniform(t, 8, 2), 3)
	data, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	second := bytes.Index(data, []byte(layerName))
	second += bytes.Index(data[second+4:], []byte(layerName)) + 4
	path := filepath.Join(t.TempDir(), "damaged.routing")
	for _, c := range []struct {
		rule   string
		change func(data []byte) []byte
		want   string
	}{
		{"cut short", func(d []byte) []byte { return d[:second+50] },
			fmt.Sprintf("layer 1, step 0: file ends at byte %d, the block at byte %d needs %d bytes: cut short", second+50, second, 12+4+10*3*5)},
		{"a score changed", func(d []byte) []byte { d[second+60]++; return d },
			fmt.Sprintf("layer 1, step 0: block at byte %d: checksum", second)},
		{"a length changed", func(d []byte) []byte { d[second+4]++; return d },
			fmt.Sprintf("layer 1, step 0: block at byte %d has a body of 155 bytes, want 154", second)},
		{"another version", func(d []byte) []byte { return append(d[:8], appendBlock(nil, headBlock, []byte(`{"version":2}`))...) },
			`head: field "version" is 2, want 1`},
		{"another kind of file", func(d []byte) []byte { return append([]byte("GGUFGGUF"), d[8:]...) },
			`starts with "GGUFGGUF", a routing trace with "\x89ROUTING"`},
		{"no experts", func(d []byte) []byte {
			return append(d[:8], appendBlock(nil, headBlock, []byte(`{"version":1,"kind":"tokens","layers":[2,1]}`))...)
		}, "experts 0, want 1 to 65536"},
		{"steps are missing", func(d []byte) []byte {
			stop := bytes.LastIndex(d, []byte(stopBlock))
			b := binary.LittleEndian.AppendUint64(nil, 4)
			return append(d[:stop], appendBlock(nil, stopBlock, binary.LittleEndian.AppendUint64(b, 30))...)
		}, "4 steps of 30 tokens, the file holds 3 of 30"},
		{"an expert too many", func(d []byte) []byte {
			body := bytes.Clone(d[second+8 : second+8+154])
			body[4] = 8
			return append(d[:second], appendBlock(nil, layerName, body)...)
		}, "expert 8, want 0 to 7"},
		{"an expert twice", func(d []byte) []byte {
			body := bytes.Clone(d[second+8 : second+8+154])
			body[4] = body[5]
			return append(d[:second], appendBlock(nil, layerName, body)...)
		}, fmt.Sprintf("layer 1, step 0: block at byte %d: token 0 has expert", second)},
	} {
		t.Run(c.rule, func(t *testing.T) {
			if err := os.WriteFile(path, c.change(bytes.Clone(data)), 0o666); err != nil {
				t.Fatal(err)
			}
			err := readAll(path)
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
				t.Fatalf("error %v, want %q", err, c.want)
			}
		})
	}
}

func TestWriterFaults(t *testing.T) {
	info := Info{Experts: 2, TopK: 1, Recorded: 2, Layers: []int{4}}
	nan := func(dst []float32, _, from, to int) { copy(dst, []float32{0, float32(math.NaN())}) }
	for _, c := range []struct {
		rule, path string
		info       Info
		steps      []Step
		want       string
	}{
		{"the folder is there", "/missing/t.routing", info, nil, "no such file"},
		{"a disk may be full", "/dev/full", info, []Step{{Tokens: 1, rows: func([]float32, int, int, int) {}}}, "no space left"},
		{"scores are numbers", "t.routing", info, []Step{{First: 0, Tokens: 1, rows: nan}}, "layer 4: token 0, expert 1: score NaN"},
		{"a trace has tokens", "t.routing", info, nil, "0 tokens, want 1 or more"},
		{"a trace has layers", "t.routing", Info{Experts: 2, TopK: 3}, nil, "top k 3, want 1 to the 2 experts"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			dir := t.TempDir()
			if !filepath.IsAbs(c.path) {
				c.path = filepath.Join(dir, c.path)
			}
			w, err := Create(c.path, c.info)
			if err == nil {
				for _, s := range c.steps {
					w.Step(s)
				}
				err = w.Close()
			}
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.path) {
				t.Errorf("error %v, want %q", err, c.want)
			}
			if left, _ := os.ReadDir(dir); len(left) > 0 {
				t.Errorf("%s was left behind", left[0].Name())
			}
		})
	}
}

// Steps of any size hold the same tokens.
func TestCut(t *testing.T) {
	want := rowsOf(t, uniform(t, 8, 2))
	for _, size := range []int{0, 1, 7, 10, 13, 30, 31, 1000} {
		got := rowsOf(t, Cut(uniform(t, 8, 2), size))
		for i := range want {
			if !slices.Equal(got[i], want[i]) {
				t.Errorf("steps of %d tokens: layer %d differs", size, i)
			}
		}
		steps, s := 0, Cut(uniform(t, 8, 2), size)
		for {
			step, err := s.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if first := steps * max(size, 1); size > 0 && (step.First != first || step.Number != steps || step.Tokens != min(size, 30-first)) {
				t.Errorf("steps of %d tokens: step %d has %d from %d", size, step.Number, step.Tokens, step.First)
			}
			steps++
		}
	}
}

func FuzzRouting(f *testing.F) {
	data, err := os.ReadFile(writeRouting(f, uniform(f, 8, 2), 3))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(mark))
	f.Fuzz(func(t *testing.T, data []byte) {
		data = resum(data) // checksums that fit let the fuzzer past them
		r, err := newReader("f.routing", bytes.NewReader(data), int64(len(data)))
		if err == nil && r.head.Kind == loadsKind {
			_, err = r.loads()
		} else if err == nil {
			_, err = Summarize("f.routing", r, Measure{Gammas: []float64{1}, Ranks: 2})
		}
		if err != nil && !strings.Contains(err.Error(), "f.routing") {
			t.Errorf("error %v does not name the file", err)
		}
	})
}

// resum sets the checksums of the blocks right.
func resum(data []byte) []byte {
	out := bytes.Clone(data[:min(len(data), len(mark))])
	at := len(out)
	for at+blockStart+blockEnd <= len(data) {
		n := int(binary.LittleEndian.Uint32(data[at+4:]))
		if n > len(data)-at-blockStart-blockEnd {
			break
		}
		out = appendBlock(out, string(data[at:at+4]), data[at+blockStart:at+blockStart+n])
		at += blockStart + n + blockEnd
	}
	return append(out, data[at:]...)
}
