package checkpoint

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"pgregory.net/rapid"
)

// TestRoundTrip: what is appended, in any pieces, is what a File holds.
func TestRoundTrip(t *testing.T) {
	dir := t.TempDir()
	dtypes := []DType{F64, F32, F16, BF16, F8E4M3, F8E5M2, I64, I32, I16, I8, U64, U32, U16, U8, Bool}
	spec := rapid.Custom(func(t *rapid.T) Spec {
		return Spec{
			Name:  rapid.String().Draw(t, "name"),
			DType: rapid.SampledFrom(dtypes).Draw(t, "dtype"),
			Shape: rapid.SliceOfN(rapid.IntRange(0, 5), 0, 4).Draw(t, "shape"),
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		specs := rapid.SliceOfNDistinct(spec, 0, 6, func(s Spec) string { return s.Name }).Draw(t, "specs")
		metadata := rapid.MapOf(rapid.String(), rapid.String()).Draw(t, "metadata")
		path := filepath.Join(dir, "model.safetensors")
		w, err := Create(path, metadata, specs)
		if err != nil {
			t.Fatal(err)
		}
		defer w.Abort()
		want := make(map[string][]byte)
		for i, s := range specs {
			data := make([]byte, product(s.Shape)*s.DType.Size())
			for j := range data {
				data[j] = byte(i + j*7)
			}
			want[s.Name] = data
			for len(data) > 0 {
				n := rapid.IntRange(0, len(data)).Draw(t, "piece")
				if err := w.Append(s.Name, data[:n]); err != nil {
					t.Fatal(err)
				}
				data = data[n:]
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		f, err := OpenFile(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if length := binary.LittleEndian.Uint64(f.raw); length%8 != 0 {
			t.Fatalf("header of %d bytes: the data are not aligned to 8", length)
		}
		if got := fmt.Sprint(f.Metadata()); got != fmt.Sprint(metadata) {
			t.Fatalf("metadata %s, want %s", got, metadata)
		}
		if len(f.Names()) != len(specs) {
			t.Fatalf("tensors %q, want %d", f.Names(), len(specs))
		}
		for _, s := range specs {
			x, ok := f.Tensor(s.Name)
			if !ok || x.DType != s.DType || !slices.Equal(x.Shape, s.Shape) || !bytes.Equal(x.Data, want[s.Name]) {
				t.Fatalf("%+v came back as %+v (found: %v)", s, x, ok)
			}
		}
	})
}

func TestWrittenBytes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f.safetensors")
	w, err := Create(path, map[string]string{"format": "pt"}, []Spec{{"b", F32, []int{2}}, {"a", U8, nil}})
	if err != nil {
		t.Fatal(err)
	}
	err = errors.Join(w.AppendFloat32("b", []float32{1}), w.AppendFloat32("b", []float32{-2}), w.Append("a", []byte{7}), w.Close())
	if err != nil {
		t.Fatal(err)
	}
	header := `{"__metadata__":{"format":"pt"},` +
		`"b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{"dtype":"U8","shape":[],"data_offsets":[8,9]}}`
	header += strings.Repeat(" ", (8-len(header)%8)%8)
	want := string(binary.LittleEndian.AppendUint64(nil, uint64(len(header)))) + header + "\x00\x00\x80\x3f\x00\x00\x00\xc0\x07"
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("bytes\n got %q\nwant %q", got, want)
	}
}

func TestAppendFloat32InOnePieceAndMany(t *testing.T) {
	const n = 10_000
	path := filepath.Join(t.TempDir(), "f.safetensors")
	values := make([]float32, n)
	for i := range values {
		values[i] = float32(i) / 3
	}
	w, err := Create(path, nil, []Spec{{"whole", F32, []int{n}}, {"parts", F32, []int{n}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.AppendFloat32("whole", values); err != nil {
		t.Fatal(err)
	}
	for part := range slices.Chunk(values, 33) {
		if err := w.AppendFloat32("parts", part); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	f, err := OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, name := range f.Names() {
		got := make([]float32, n)
		x, _ := f.Tensor(name)
		if err := x.Float32(got); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, values) {
			t.Errorf("%s differs from what was appended", name)
		}
	}
}

func TestAppendNothing(t *testing.T) {
	w, err := Create(filepath.Join(t.TempDir(), "f"), nil, []Spec{{"a", U8, []int{1}}, {"none", F32, []int{0}}, {"b", U8, []int{1}}})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	for _, err := range []error{
		w.Append("a", nil), w.Append("a", []byte{1}), w.Append("a", nil),
		w.AppendFloat32("none", nil), w.Append("none", nil),
		w.Append("b", []byte{1}), w.Append("b", nil), w.Close(),
	} {
		if err != nil {
			t.Error(err)
		}
	}
}

func TestCreateRefuses(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.Mkdir("folder", 0o777); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		rule  string
		path  string
		specs []Spec
		want  string
	}{
		{"a name twice", "f", []Spec{{"a", U8, nil}, {"a", F32, nil}}, `f: header: byte 55: "a" is named twice`},
		{"a name that is not UTF-8", "f", []Spec{{"\xff", U8, nil}}, `f: tensor "\xff": the name is not UTF-8`},
		{"the name of the metadata", "f", []Spec{{"__metadata__", U8, nil}}, `f: tensor "__metadata__": the name is reserved`},
		{"a type that is not known", "f", []Spec{{"a", "F4", nil}}, `f: tensor "a": dtype "F4" is not known`},
		{"a negative dimension", "f", []Spec{{"a", U8, []int{2, -1}}}, `f: tensor "a": shape[1] is -1, want an integer from 0 to 9223372036854775807`},
		{"more bytes than an int counts", "f", []Spec{{"a", F64, []int{1 << 60}}}, `f: tensor "a": shape [1152921504606846976] of F64 needs more than 9223372036854775807 bytes`},
		{"more bytes in all than an int counts", "f", []Spec{{"a", U8, []int{1 << 62}}, {"b", U8, []int{1 << 62}}},
			`f: tensor "b": 4611686018427387904 bytes after 4611686018427387904 are more than 9223372036854775807`},
		{"a folder that is not there", "gone/f", nil, `gone/f: open: no such file or directory`},
		{"the path of a folder", "folder", nil, `folder: is a directory`},
	} {
		t.Run(c.rule, func(t *testing.T) {
			_, err := Create(c.path, nil, c.specs)
			if want := "checkpoint: " + c.want; fmt.Sprint(err) != want {
				t.Errorf("error\n got %v\nwant %s", err, want)
			}
			if got := listing(t, "."); got != "folder" {
				t.Errorf("left behind: %s", got)
			}
		})
	}
}

func TestWriterRefuses(t *testing.T) {
	t.Chdir(t.TempDir())
	four := make([]byte, 4)
	for _, c := range []struct {
		rule string
		use  func(w *Writer)
		want string
	}{
		{"to close before a tensor is complete", func(w *Writer) { w.Append("a", four) }, `tensor "a": closed after 4 of 8 bytes`},
		{"to close before the last tensor", func(w *Writer) { w.AppendFloat32("a", []float32{1, 2}) }, `tensor "b": closed after 0 of 3 bytes`},
		{"data of another tensor than the next", func(w *Writer) { w.Append("a", four); w.Append("b", four) },
			`tensor "b": 4 bytes appended while tensor "a" has 4 of 8`},
		{"data of a tensor that is complete", func(w *Writer) { w.Append("a", make([]byte, 8)); w.Append("b", four[:1]); w.Append("a", four) },
			`tensor "a": 4 bytes appended while tensor "b" has 1 of 3`},
		{"data that were not declared", func(w *Writer) { w.Append("a", make([]byte, 8)); w.Append("b", four[:3]); w.Append("c", four) },
			`tensor "c": 4 bytes appended after the last of 3 tensors`},
		{"more data than were declared", func(w *Writer) { w.Append("a", four); w.Append("a", make([]byte, 5)) },
			`tensor "a": 5 bytes appended after 4, shape [2] of F32 has 8`},
		{"float32 for another type", func(w *Writer) { w.Append("a", make([]byte, 8)); w.AppendFloat32("b", nil) },
			`tensor "b": dtype U8, F32 values appended`},
		{"to close after Abort", func(w *Writer) { w.Abort() }, `file already closed`},
	} {
		t.Run(c.rule, func(t *testing.T) {
			w, err := Create("f", nil, []Spec{{"a", F32, []int{2}}, {"none", F32, []int{0}}, {"b", U8, []int{3}}})
			if err != nil {
				t.Fatal(err)
			}
			c.use(w)
			err = w.Close()
			if want := "checkpoint: f: " + c.want; fmt.Sprint(err) != want {
				t.Errorf("error\n got %v\nwant %s", err, want)
			}
			if got := listing(t, "."); got != "" {
				t.Errorf("left behind: %s", got)
			}
		})
	}
}

// TestFullDisk lets the device refuse the bytes: at once for large pieces, at
// Close for what was still buffered.
func TestFullDisk(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skipf("no full device on this system: %v", err)
	}
	defer full.Close()
	for _, size := range []int{1, 4 << 20} {
		t.Run(fmt.Sprint(size, " bytes"), func(t *testing.T) {
			t.Chdir(t.TempDir())
			if err := os.WriteFile("f", []byte("before"), 0o666); err != nil {
				t.Fatal(err)
			}
			w, err := Create("f", nil, []Spec{{"a", U8, []int{size}}})
			if err != nil {
				t.Fatal(err)
			}
			w.out.Reset(full)
			w.Append("a", make([]byte, size))
			err = w.Close()
			if want := "checkpoint: f: write: no space left on device"; fmt.Sprint(err) != want {
				t.Errorf("error %v, want %s", err, want)
			}
			if !errors.Is(err, syscall.ENOSPC) {
				t.Errorf("%v is not ENOSPC", err)
			}
			before, err := os.ReadFile("f")
			if got := listing(t, "."); got != "f" || string(before) != "before" {
				t.Errorf("the folder holds %s, f is %q (%v); want f as before", got, before, err)
			}
		})
	}
}

func TestNameAppearsAtClose(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("f", []byte("before"), 0o666); err != nil {
		t.Fatal(err)
	}
	w, err := Create("f", nil, []Spec{{"a", F32, nil}})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.AppendFloat32("a", []float32{math.Pi}); err != nil {
		t.Fatal(err)
	}
	if before, err := os.ReadFile("f"); string(before) != "before" {
		t.Errorf("f is %q before Close (%v), want it untouched", before, err)
	}
	if hidden := listing(t, "."); !strings.HasPrefix(hidden, ".f.") || !strings.HasSuffix(hidden, ".tmp f") {
		t.Errorf("the folder holds %s, want .f.*.tmp beside f", hidden)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	w.Abort()
	if got := listing(t, "."); got != "f" {
		t.Errorf("the folder holds %s, want f alone", got)
	}
	f, err := OpenFile("f")
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	if err := w.Append("a", nil); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("append after Close: %v", err)
	}
	if err := w.Close(); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("Close after Close: %v", err)
	}
}

// listing is the names in a folder, separated by spaces.
func listing(t *testing.T, dir string) string {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	names := make([]string, len(list))
	for i, item := range list {
		names[i] = item.Name()
	}
	return strings.Join(names, " ")
}
