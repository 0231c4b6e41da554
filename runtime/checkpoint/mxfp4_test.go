package checkpoint

import (
	"fmt"
	"math"
	"strings"
	"testing"
)

// mx is a matrix [1, groups·32] in MXFP4: blocks of one repeated byte and their scales.
func mx(two byte, scales ...byte) (blocks, scale Tensor) {
	blocks = Tensor{Name: "b", File: "f", DType: U8, Shape: []int{1, len(scales), 16}, Data: []byte(strings.Repeat(string([]byte{two}), 16*len(scales)))}
	return blocks, Tensor{Name: "s", File: "f", DType: U8, Shape: []int{1, len(scales)}, Data: scales}
}

func TestMXFP4Values(t *testing.T) {
	for code := range 16 {
		sign, exponent, fraction := code>>3, code>>1&3, float64(code&1)
		want := math.Ldexp(1+fraction/2, exponent-1)
		if exponent == 0 {
			want = fraction / 2
		}
		if sign == 1 {
			want = -want
		}
		blocks, scale := mx(byte(code|(code^8)<<4), 127, 130, 0)
		got := make([]float32, 96)
		if err := blocks.Float32MX(got, scale); err != nil {
			t.Fatal(err)
		}
		for g, factor := range []float64{1, 8, math.Ldexp(1, -127)} {
			for i := 32 * g; i < 32*(g+1); i += 2 {
				if float64(got[i]) != want*factor || float64(got[i+1]) != -want*factor {
					t.Fatalf("code %d, group %d: %v and %v, want %v and %v", code, g, got[i], got[i+1], want*factor, -want*factor)
				}
			}
		}
	}
}

func TestMXFP4Refuses(t *testing.T) {
	for _, c := range []struct {
		rule   string
		change func(blocks, scale *Tensor)
		n      int
		want   string
	}{
		{"floats", func(b, s *Tensor) { b.DType = F32 }, 64, `tensor "b": dtype F32, MXFP4 is stored in U8`},
		{"scales that are floats", func(b, s *Tensor) { s.DType = BF16 }, 64, `tensor "s": dtype BF16, MXFP4 is stored in U8`},
		{"blocks of another size", func(b, s *Tensor) { b.Shape = []int{1, 4, 8} }, 64, `tensor "b": shape [1 4 8], want [1 2 16] (the scales' shape × 16)`},
		{"another destination", func(b, s *Tensor) {}, 63, `tensor "b": 64 elements, destination holds 63`},
		{"a scale that is NaN", func(b, s *Tensor) { s.Data[1] = 255 }, 64, `tensor "s": element 1 [0 1] is 255: the weights it scales are not finite`},
		{"a scale beyond float32", func(b, s *Tensor) { s.Data[0] = 254; b.Data[0] = 0x77 }, 64, `tensor "s": element 0 [0 0] is 254: the weights it scales are not finite`},
	} {
		t.Run(c.rule, func(t *testing.T) {
			blocks, scale := mx(0x11, 127, 128)
			c.change(&blocks, &scale)
			err := blocks.Float32MX(make([]float32, c.n), scale)
			if want := "checkpoint: f: " + c.want; fmt.Sprint(err) != want {
				t.Errorf("error\n got %v\nwant %s", err, want)
			}
		})
	}
}
