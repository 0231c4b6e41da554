package checkpoint

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// floatFormat is a binary floating point format as IEEE 754 section 3.4 and the
// OCP 8-bit specification define one.
type floatFormat struct {
	dtype              DType
	exponent, fraction int // bits
	bias               int
	infinity           bool // the largest exponent has no numbers; else only all bits set is none
}

var floatFormats = []floatFormat{
	{F16, 5, 10, 15, true},
	{BF16, 8, 7, 127, true},
	{F8E5M2, 5, 2, 15, true},
	{F8E4M3, 4, 3, 7, false},
}

// value is what bits stand for: (-1)^s 2^(e-bias) (1 + f 2^-fraction), without
// the 1 and with e = 1 where e is 0. NaN and infinities give false.
func (f floatFormat) value(bits int) (float64, bool) {
	fraction := bits & (1<<f.fraction - 1)
	exponent := bits >> f.fraction & (1<<f.exponent - 1)
	sign := bits >> (f.fraction + f.exponent)
	if exponent == 1<<f.exponent-1 && (f.infinity || fraction == 1<<f.fraction-1) {
		return 0, false
	}
	significand := 1 + float64(fraction)*math.Pow(2, -float64(f.fraction))
	if exponent == 0 {
		significand--
		exponent = 1
	}
	value := significand * math.Pow(2, float64(exponent-f.bias))
	if sign == 1 {
		value = math.Copysign(value, -1)
	}
	return value, true
}

func TestEveryBitPatternWidensExactly(t *testing.T) {
	for _, format := range floatFormats {
		t.Run(string(format.dtype), func(t *testing.T) {
			size, finite := format.dtype.Size(), 0
			for bits := range 1 << (8 * size) {
				data := binary.LittleEndian.AppendUint16(nil, uint16(bits))[:size]
				one := Tensor{Name: "x", DType: format.dtype, Data: data}
				var got [1]float32
				err := one.Float32(got[:])
				want, ok := format.value(bits)
				if (err == nil) != ok {
					t.Fatalf("%#x: error %v, want finite: %v", bits, err, ok)
				}
				if !ok {
					continue
				}
				finite++
				if math.Float64bits(float64(got[0])) != math.Float64bits(want) {
					t.Fatalf("%#x: %v, want %v", bits, got[0], want)
				}
			}
			t.Logf("%d of %d patterns are finite", finite, 1<<(8*size))
		})
	}
}

func TestWideValues(t *testing.T) {
	for _, c := range []struct {
		rule string
		got  Tensor
		want float32
	}{
		{"F32 keeps its bits: the least subnormal", f32s(math.SmallestNonzeroFloat32), math.SmallestNonzeroFloat32},
		{"F32 keeps its bits: minus zero", f32s(float32(math.Copysign(0, -1))), float32(math.Copysign(0, -1))},
		{"F32 keeps its bits: the largest", f32s(math.MaxFloat32), math.MaxFloat32},
		{"F64 of few bits is exact", f64s(-1.5), -1.5},
		{"F64 rounds to nearest", f64s(1 + 0x1.8p-24), 1 + 0x1p-23},
		{"F64 halves round to even", f64s(1 + 0x1p-24), 1},
		{"F64 rounds down to the largest", f64s(math.MaxFloat32 + 0x1p102), math.MaxFloat32},
		{"F64 becomes a subnormal", f64s(0x1p-140), 0x1p-140},
		{"F64 vanishes", f64s(1e-300), 0},
	} {
		t.Run(c.rule, func(t *testing.T) {
			var got [1]float32
			if err := c.got.Float32(got[:]); err != nil {
				t.Fatal(err)
			}
			if math.Float32bits(got[0]) != math.Float32bits(c.want) {
				t.Errorf("%v, want %v", got[0], c.want)
			}
		})
	}
}

func TestFloat32Refuses(t *testing.T) {
	big := make([]float32, 3*chunk)
	big[2*chunk+5] = float32(math.NaN())
	wide := f32s(big...)
	wide.Shape = []int{3, chunk / 2, 2}
	grid := f32s(0, 1, 2, 3, 4, float32(math.Inf(-1)))
	grid.Shape = []int{3, 2}
	for _, c := range []struct {
		rule string
		t    Tensor
		n    int
		want string
	}{
		{"integers", Tensor{DType: I32, Shape: []int{1}, Data: make([]byte, 4)}, 1, `dtype I32 is not floating point`},
		{"truth values", Tensor{DType: Bool, Shape: []int{1}, Data: make([]byte, 1)}, 1, `dtype BOOL is not floating point`},
		{"a short destination", f32s(1, 2, 3), 2, `3 elements, destination holds 2`},
		{"a long destination", f32s(1, 2, 3), 4, `3 elements, destination holds 4`},
		{"NaN, by its place", wide, 3 * chunk, `element 8197 [2 2 1] is NaN, want a finite float32`},
		{"an infinity, by its place", grid, 6, `element 5 [2 1] is -Inf, want a finite float32`},
		{"an infinity in rows, by its place in the file", grid.Rows(1, 2).Rows(1, 1), 2, `element 5 [2 1] is -Inf, want a finite float32`},
		{"a scalar NaN", scalar(f32s(float32(math.NaN()))), 1, `element 0 [] is NaN, want a finite float32`},
		{"an F64 too large", f64s(0, 1e300), 2, `element 1 [1] is 1e+300, want a finite float32`},
		{"an F64 that rounds beyond the largest", f64s(-3.4028235677973366e38), 1, `element 0 [0] is -3.4028235677973366e+38, want a finite float32`},
		{"an infinite F16", Tensor{DType: F16, Shape: []int{1}, Data: []byte{0x00, 0xfc}}, 1, `element 0 [0] is -Inf, want a finite float32`},
	} {
		t.Run(c.rule, func(t *testing.T) {
			c.t.Name, c.t.File = "w", "model.safetensors"
			err := c.t.Float32(make([]float32, c.n))
			if want := `checkpoint: model.safetensors: tensor "w": ` + c.want; fmt.Sprint(err) != want {
				t.Errorf("error\n got %v\nwant %s", err, want)
			}
		})
	}
}

// TestConversionIsElementwise: a large tensor at any alignment equals its
// elements converted one by one, and nothing past it is written.
func TestConversionIsElementwise(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dtype := rapid.SampledFrom([]DType{F64, F32, F16, BF16, F8E4M3, F8E5M2}).Draw(t, "dtype")
		n := rapid.SampledFrom([]int{0, 1, 7, chunk - 1, chunk, chunk + 1, 2*chunk + 3}).Draw(t, "n")
		seed := rapid.Uint64().Draw(t, "seed")
		shift := rapid.IntRange(0, 7).Draw(t, "alignment")
		size := dtype.Size()
		data := make([]byte, shift+n*size)[shift:]
		for i := range n {
			seed = seed*6364136223846793005 + 1442695040888963407
			element := binary.LittleEndian.AppendUint64(nil, math.Float64bits(float64(int64(seed))*0x1p-60))
			if dtype != F64 {
				element = binary.LittleEndian.AppendUint32(nil, uint32(seed>>32)&^0x44444444)
			}
			copy(data[i*size:], element[:size])
		}
		dst := make([]float32, n+1)
		dst[n] = 42
		whole := Tensor{DType: dtype, Shape: []int{n}, Data: data}
		if err := whole.Float32(dst[:n]); err != nil {
			t.Fatal(err)
		}
		if dst[n] != 42 {
			t.Fatalf("the element after the last became %v", dst[n])
		}
		for i := range n {
			var one [1]float32
			if err := (Tensor{DType: dtype, Data: data[i*size : (i+1)*size]}).Float32(one[:]); err != nil {
				t.Fatal(err)
			}
			if math.Float32bits(one[0]) != math.Float32bits(dst[i]) {
				t.Fatalf("element %d is %v, alone %v", i, dst[i], one[0])
			}
		}
	})
}

func TestInt32(t *testing.T) {
	le := binary.LittleEndian
	for _, c := range []struct {
		rule  string
		dtype DType
		data  []byte
		want  string
	}{
		{"I64 in range", I64, le.AppendUint64(le.AppendUint64(nil, 1<<31-1), 1<<64-1<<31), "[2147483647 -2147483648]"},
		{"I64 above", I64, le.AppendUint64(le.AppendUint64(nil, 7), 1<<31), `element 1 [1] is 2147483648, want -2147483648 to 2147483647`},
		{"I64 below", I64, le.AppendUint64(nil, 1<<64-1<<31-1), `element 0 [0] is -2147483649, want -2147483648 to 2147483647`},
		{"I32 with sign", I32, le.AppendUint32(le.AppendUint32(nil, 1<<31), 5), "[-2147483648 5]"},
		{"I16 with sign", I16, le.AppendUint16(le.AppendUint16(nil, 0xffff), 0x7fff), "[-1 32767]"},
		{"U16 without sign", U16, le.AppendUint16(nil, 0xffff), "[65535]"},
		{"U8 without sign", U8, []byte{0, 255}, "[0 255]"},
		{"floats", F32, make([]byte, 4), "dtype F32 is not one of I64, I32, I16, U16, U8"},
		{"no elements", I64, nil, "[]"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			n := len(c.data) / c.dtype.Size()
			dst := make([]int32, n)
			x := Tensor{Name: "ids", File: "f", DType: c.dtype, Shape: []int{n}, Data: c.data}
			err := x.Int32(dst)
			got := fmt.Sprint(dst)
			if err != nil {
				got = strings.TrimPrefix(err.Error(), `checkpoint: f: tensor "ids": `)
			}
			if got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
	short := Tensor{Name: "ids", File: "f", DType: U8, Shape: []int{3}, Data: make([]byte, 3)}
	if err := short.Int32(make([]int32, 2)); fmt.Sprint(err) != `checkpoint: f: tensor "ids": 3 elements, destination holds 2` {
		t.Errorf("short destination: %v", err)
	}
}

// f32s is a tensor [n] of dtype F32.
func f32s(values ...float32) Tensor {
	t := Tensor{DType: F32, Shape: []int{len(values)}}
	for _, v := range values {
		t.Data = binary.LittleEndian.AppendUint32(t.Data, math.Float32bits(v))
	}
	return t
}

// f64s is a tensor [n] of dtype F64.
func f64s(values ...float64) Tensor {
	t := Tensor{DType: F64, Shape: []int{len(values)}}
	for _, v := range values {
		t.Data = binary.LittleEndian.AppendUint64(t.Data, math.Float64bits(v))
	}
	return t
}

// scalar is t without dimensions.
func scalar(t Tensor) Tensor {
	t.Shape = nil
	return t
}
