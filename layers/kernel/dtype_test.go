package kernel

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestRoundBF16(t *testing.T) {
	for _, c := range []struct {
		rule       string
		bits, want uint32
	}{
		{"exact stays", 0x3f800000, 0x3f800000},
		{"below half goes down", 0x3f807fff, 0x3f800000},
		{"above half goes up", 0x3f808001, 0x3f810000},
		{"half goes to even, down", 0x3f808000, 0x3f800000},
		{"half goes to even, up", 0x3f818000, 0x3f820000},
		{"sign stays", 0xbf818000, 0xbf820000},
		{"carry reaches the exponent", 0x3fffffff, 0x40000000},
		{"beyond the largest is infinite", 0x7f7fffff, 0x7f800000},
		{"infinity stays", 0xff800000, 0xff800000},
		{"subnormal becomes zero", 0x007fffff, 0},
		{"negative subnormal becomes negative zero", 0x80000001, 0x80000000},
		{"zero stays", 0x80000000, 0x80000000},
		{"NaN of low bits stays NaN", 0x7f800001, 0x7fc00000},
		{"NaN keeps its sign", 0xffc12345, 0xffc10000},
	} {
		if got := math.Float32bits(RoundBF16(math.Float32frombits(c.bits))); got != c.want {
			t.Errorf("%s: %08x gives %08x, want %08x", c.rule, c.bits, got, c.want)
		}
	}
}

func TestRoundBF16ToRoundsEachValue(t *testing.T) {
	all := roundingCases()
	for _, width := range []int{1, 15, 31, 32, 33, 64, 95, len(all)} { // those that fill no vector are rounded another way
		for v := range slices.Chunk(all, width) {
			got := make([]uint16, len(v)+1)
			got[len(v)] = 0x4242
			RoundBF16To(got, v)
			for i, v := range v {
				if want := uint16(math.Float32bits(RoundBF16(v)) >> 16); got[i] != want {
					t.Errorf("%08x among %d gives %04x, want %04x", math.Float32bits(v), width, got[i], want)
				}
			}
			if got[len(v)] != 0x4242 {
				t.Errorf("%d values: changed the one after them", len(v))
			}
		}
	}
	RoundBF16To(nil, nil)
	mustPanic(t, "short dst", func() { RoundBF16To(make([]uint16, 1), all[:2]) })
}

func TestParseDType(t *testing.T) {
	for _, d := range []DType{F32, BF16} {
		if got, err := ParseDType(d.String()); err != nil || got != d {
			t.Errorf("%s reads as %v, %v", d, got, err)
		}
	}
	if _, err := ParseDType("fp8"); err == nil {
		t.Error("fp8 was taken")
	}
}

func TestNewRefusesUnknownDType(t *testing.T) {
	if lib, err := New(Options{DType: 7}); err == nil {
		t.Errorf("New made %s of dtype 7", lib.Name())
	}
}

// roundingCases are values of all exponents, and those near every rule.
func roundingCases() []float32 {
	rng := rand.New(rand.NewPCG(1, 2))
	v := []float32{0, nan, inf, -inf, math.MaxFloat32, -math.MaxFloat32, 0x1p-126, 0x1p-127, 0x1.fep-126, -0x1p-149}
	for _, bits := range []uint32{0x7f800001, 0x7fffffff, 0xff800001, 0xffffffff} { // NaNs whose upper half alone is none, or that carry
		v = append(v, math.Float32frombits(bits))
	}
	for len(v) < 5000 {
		v = append(v, math.Float32frombits(rng.Uint32()), math.Float32frombits(rng.Uint32()&0xffff8001|0x8000))
	}
	return v
}
