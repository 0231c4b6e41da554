package checkpoint

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	goruntime "runtime"
	"strings"
	"testing"
)

// rawFile is a file of that header and so many bytes of data.
func rawFile(header string, data int) []byte {
	raw := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	raw = append(raw, header...)
	return append(raw, make([]byte, data)...)
}

// headerFaults are files that OpenFile refuses, by the rule that they break.
var headerFaults = []struct {
	rule string
	raw  []byte
	want string // after "checkpoint: model.safetensors: "
}{
	{"a file is not empty", nil, `0 bytes, a safetensors file has at least 8`},
	{"the length is complete", []byte("\x02\x00\x00"), `3 bytes, a safetensors file has at least 8`},
	{"the header is within the file", rawFile(`{}`, 0)[:9],
		`header length 2 exceeds the 1 bytes that follow it (file truncated?)`},
	{"the header is within 100 MB", []byte("version https://git-lfs.github.com/spec/v1\n"),
		`header length 2336927755350992246 exceeds the limit of 100000000 bytes (not a safetensors file?)`},
	{"the length does not wrap around", []byte("\xff\xff\xff\xff\xff\xff\xff\xff{}"),
		`header length 18446744073709551615 exceeds the limit of 100000000 bytes (not a safetensors file?)`},

	{"the header is not empty", rawFile(``, 0), `header starts with "", want an object (not a safetensors file?)`},
	{"the header starts with a brace", rawFile(` {}`, 0), `header starts with " ", want an object (not a safetensors file?)`},
	{"the header is UTF-8", rawFile("{\"\xff\":1}", 0), `header: not UTF-8`},
	{"the header ends", rawFile(`{"a":{"dtype":"F32",`, 0), `tensor "a": byte 20: the text ends early`},
	{"members are separated", rawFile(`{"__metadata__":{} "a":1}`, 0),
		`header: byte 19: invalid character '"' after object key:value pair`},
	{"nothing follows the header", rawFile(`{} {}`, 0), `header: byte 4: { after the end of the object`},
	{"metadata is an object", rawFile(`{"__metadata__":null}`, 0), `header: byte 20: null, want an object`},
	{"metadata is text", rawFile(`{"__metadata__":{"step":3}}`, 0), `header: __metadata__ "step" is 3, want a string`},

	{"a tensor is an object", rawFile(`{"a":[]}`, 0), `tensor "a": byte 6: [, want an object`},
	{"a name is used once", rawFile(`{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}`, 0),
		`header: byte 56: "a" is named twice`},
	{"a field is used once", rawFile(`{"a":{"dtype":"U8","dtype":"F32"}}`, 0), `tensor "a": byte 26: "dtype" is named twice`},
	{"dtype is there", rawFile(`{"a":{"shape":[1],"data_offsets":[0,4]}}`, 4), `tensor "a": dtype is missing`},
	{"shape is there", rawFile(`{"a":{"dtype":"F32","data_offsets":[0,4]}}`, 4), `tensor "a": shape is missing`},
	{"data_offsets is there", rawFile(`{"a":{"dtype":"F32","shape":[1]}}`, 4), `tensor "a": data_offsets is missing`},
	{"field names are exact", rawFile(`{"a":{"DType":"F32","shape":[1],"data_offsets":[0,4]}}`, 4), `tensor "a": dtype is missing`},
	{"dtype is text", rawFile(`{"a":{"dtype":null,"shape":[1],"data_offsets":[0,4]}}`, 4), `tensor "a": dtype is null, want a string`},
	{"dtype is known", rawFile(`{"a":{"dtype":"float32","shape":[1],"data_offsets":[0,4]}}`, 4), `tensor "a": dtype "float32" is not known`},

	{"shape is a list", rawFile(`{"a":{"dtype":"F32","shape":4,"data_offsets":[0,4]}}`, 4),
		`tensor "a": byte 29: 4, want a list for shape`},
	{"a dimension is not negative", rawFile(`{"a":{"dtype":"F32","shape":[1,-4],"data_offsets":[0,4]}}`, 4),
		`tensor "a": shape[1] is -4, want an integer from 0 to 9223372036854775807`},
	{"a dimension is whole", rawFile(`{"a":{"dtype":"F32","shape":[1.0],"data_offsets":[0,4]}}`, 4),
		`tensor "a": shape[0] is 1.0, want an integer from 0 to 9223372036854775807`},
	{"a dimension is a number", rawFile(`{"a":{"dtype":"F32","shape":["1"],"data_offsets":[0,4]}}`, 4),
		`tensor "a": shape[0] is "1", want an integer from 0 to 9223372036854775807`},
	{"a dimension is not null", rawFile(`{"a":{"dtype":"F32","shape":[null],"data_offsets":[0,0]}}`, 0),
		`tensor "a": shape[0] is null, want an integer from 0 to 9223372036854775807`},
	{"a dimension fits an int", rawFile(`{"a":{"dtype":"F32","shape":[9223372036854775808],"data_offsets":[0,4]}}`, 4),
		`tensor "a": shape[0] is 9223372036854775808, want an integer from 0 to 9223372036854775807`},
	{"the elements fit an int", rawFile(`{"a":{"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0]}}`, 0),
		`tensor "a": shape [4294967296 4294967296] of U8 needs more than 9223372036854775807 bytes`},
	{"the bytes fit an int", rawFile(`{"a":{"dtype":"F64","shape":[2305843009213693952],"data_offsets":[0,0]}}`, 0),
		`tensor "a": shape [2305843009213693952] of F64 needs more than 9223372036854775807 bytes`},
	{"no part of a shape overflows, though a 0 follows", rawFile(`{"a":{"dtype":"U8","shape":[4294967296,4294967296,0],"data_offsets":[0,0]}}`, 0),
		`tensor "a": shape [4294967296 4294967296 0] of U8 needs more than 9223372036854775807 bytes`},
	{"no part of a shape overflows, though a 0 precedes", rawFile(`{"a":{"dtype":"U8","shape":[0,4294967296,4294967296],"data_offsets":[0,0]}}`, 0),
		`tensor "a": shape [0 4294967296 4294967296] of U8 needs more than 9223372036854775807 bytes`},

	{"offsets are two", rawFile(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4,8]}}`, 4), `tensor "a": data_offsets has 3 numbers, want 2`},
	{"offsets are not negative", rawFile(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}}`, 4),
		`tensor "a": data_offsets[0] is -4, want an integer from 0 to 9223372036854775807`},
	{"begin is not after end", rawFile(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}`, 4),
		`tensor "a": data_offsets begin 4 exceeds end 0`},
	{"end is within the file", rawFile(`{"model.norm.weight":{"dtype":"F32","shape":[1024],"data_offsets":[0,4096]}}`, 1024),
		`tensor "model.norm.weight": data_offsets end 4096 exceeds the file's data of 1024 bytes (file truncated?)`},
	{"end is within the file, to the byte", rawFile(`{"a":{"dtype":"U8","shape":[5],"data_offsets":[0,5]}}`, 4),
		`tensor "a": data_offsets end 5 exceeds the file's data of 4 bytes (file truncated?)`},
	{"offsets are as long as the shape", rawFile(`{"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,16]}}`, 16),
		`tensor "a": data_offsets [0 16] hold 16 bytes, shape [2 3] of F32 needs 24`},
	{"offsets are no longer than the shape", rawFile(`{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,16]}}`, 16),
		`tensor "a": data_offsets [0 16] hold 16 bytes, shape [3] of F32 needs 12`},
	{"a scalar is one element", rawFile(`{"a":{"dtype":"F32","shape":[],"data_offsets":[0,0]}}`, 0),
		`tensor "a": data_offsets [0 0] hold 0 bytes, shape [] of F32 needs 4`},

	{"tensors do not overlap", rawFile(`{"b":{"dtype":"U8","shape":[4],"data_offsets":[2,6]},"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}`, 6),
		`tensor "b": data_offsets begin 2, but tensor "a" ends at 4 (overlap)`},
	{"data start with a tensor", rawFile(`{"a":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}}`, 6),
		`tensor "a": data_offsets begin 2, but the data starts at 0 (hole)`},
	{"data between tensors belong to one", rawFile(`{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[4,6]}}`, 6),
		`tensor "b": data_offsets begin 4, but tensor "a" ends at 2 (hole)`},
	{"data end with a tensor", rawFile(`{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}`, 6),
		`the tensors end at 4, the file's data at 6 (hole)`},
}

func TestOpenFileRefuses(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, c := range headerFaults {
		t.Run(c.rule, func(t *testing.T) {
			if err := os.WriteFile("model.safetensors", c.raw, 0o666); err != nil {
				t.Fatal(err)
			}
			f, err := OpenFile("model.safetensors")
			if err == nil {
				t.Fatalf("opened, tensors %q", f.Names())
			}
			if want := "checkpoint: model.safetensors: " + c.want; err.Error() != want {
				t.Errorf("error\n got %s\nwant %s", err, want)
			}
			if _, ok := errors.AsType[*Error](err); !ok {
				t.Errorf("error is a %T, want an *Error", err)
			}
		})
	}
}

func TestHeaderAccepts(t *testing.T) {
	for _, c := range []struct {
		rule   string
		header string
		data   int
		names  string
	}{
		{"no tensors", `{}`, 0, ""},
		{"metadata alone", `{"__metadata__":{"format":"pt"}}`, 0, ""},
		{"white space behind", `{}` + "  \n\t", 0, ""},
		{"a scalar", `{"a":{"dtype":"F64","shape":[],"data_offsets":[0,8]}}`, 8, "a"},
		{"an empty tensor between others", `{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"F32","shape":[3,0],"data_offsets":[1,1]},"c":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}`, 2, "a b c"},
		{"data in another order than names", `{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]},"b":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, 2, "a b"},
		{"fields in any order", `{"a":{"data_offsets":[0,1],"shape":[1],"dtype":"BOOL"}}`, 1, "a"},
		{"fields that are not known", `{"a":{"data_offsets":[0,1],"shape":[1],"dtype":"I8","layout":{"deep":[1,null]}}}`, 1, "a"},
		{"a name that is escaped", `{"\u0061":{"data_offsets":[0,1],"shape":[1],"dtype":"I8"}}`, 1, "a"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			f, err := parse("model.safetensors", rawFile(c.header, c.data))
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(f.Names(), " "); got != c.names {
				t.Errorf("tensors %q, want %q", got, c.names)
			}
		})
	}
}

func TestMemoryIsInProportionToTheHeader(t *testing.T) {
	const dims = 1 << 20
	long := `{"a":{"dtype":"U8","shape":[` + strings.Repeat("1,", dims-1) + `1],"data_offsets":[0,1]}}`
	many := &strings.Builder{}
	many.WriteString(`{`)
	for i := range 1 << 13 {
		fmt.Fprintf(many, `"%d":{"dtype":"U8","shape":[0,999999999999],"data_offsets":[0,0]},`, i)
	}
	many.WriteString(`"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`)
	for name, header := range map[string]string{"one long shape": long, "many tensors": many.String()} {
		t.Run(name, func(t *testing.T) {
			raw := rawFile(header, 1)
			goruntime.GC()
			var before, after goruntime.MemStats
			goruntime.ReadMemStats(&before)
			f, err := parse("model.safetensors", raw)
			if err != nil {
				t.Fatal(err)
			}
			goruntime.GC()
			goruntime.ReadMemStats(&after)
			if held := int(after.HeapAlloc) - int(before.HeapAlloc); held > 16*len(raw) {
				t.Errorf("%d bytes held for a header of %d", held, len(raw))
			}
			if total := int(after.TotalAlloc - before.TotalAlloc); total > 100*len(raw) {
				t.Errorf("%d bytes allocated for a header of %d", total, len(raw))
			}
			goruntime.KeepAlive(f)
		})
	}
}

// FuzzOpen: any bytes are refused with one line or read into tensors that
// cover the data exactly and can be written again.
func FuzzOpen(f *testing.F) {
	for _, c := range headerFaults {
		f.Add(c.raw)
	}
	f.Add(rawFile(`{"__metadata__":{"format":"pt"},"a":{"dtype":"F16","shape":[2,1],"data_offsets":[0,4]},"b":{"dtype":"BOOL","shape":[],"data_offsets":[4,5]}}   `, 5))
	f.Fuzz(func(t *testing.T, raw []byte) {
		file, err := parse("f", raw)
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Fatalf("error of several lines: %q", err)
			}
			return
		}
		var specs []Spec
		data := 0
		for _, name := range file.Names() {
			tensor, _ := file.Tensor(name)
			if want := tensor.Elements() * tensor.DType.Size(); len(tensor.Data) != want {
				t.Fatalf("%q: %d bytes of data, shape %v of %s needs %d", name, len(tensor.Data), tensor.Shape, tensor.DType, want)
			}
			data += len(tensor.Data)
			specs = append(specs, Spec{name, tensor.DType, tensor.Shape})
		}
		if want := len(raw) - lengthSize - int(binary.LittleEndian.Uint64(raw)); data != want {
			t.Fatalf("tensors hold %d bytes of the file's %d", data, want)
		}
		if _, _, err := beginning(file.Metadata(), specs); err != nil {
			t.Fatalf("cannot be written again: %v", err)
		}
	})
}
