package collective

import (
	"math"
	"slices"
	"testing"
)

func TestScaleNeverWraps(t *testing.T) {
	for rule, test := range map[string]struct{ elements, bytes int }{
		"elements become bytes":              {3, 24},
		"none stay none":                     {0, 0},
		"negative counts stay negative":      {-2, -16},
		"the largest that fits":              {math.MaxInt / 8, math.MaxInt / 8 * 8},
		"larger ones become that one":        {math.MaxInt/8 + 1, math.MaxInt / 8 * 8},
		"the largest int becomes that one":   {math.MaxInt, math.MaxInt / 8 * 8},
		"the smallest int becomes the least": {math.MinInt, math.MinInt / 8 * 8},
	} {
		got := []int{0}
		if scale[uint64](got, []int{test.elements}); got[0] != test.bytes {
			t.Errorf("%s: %d elements are %d bytes, want %d", rule, test.elements, got[0], test.bytes)
		}
	}
}

func TestTypesOfElements(t *testing.T) {
	type celsius float32
	type token int32
	for want, got := range map[Type]Type{
		Int32: typeOf[token](), Int64: typeOf[int64](), Uint32: typeOf[uint32](),
		Uint64: typeOf[uint64](), Float32: typeOf[celsius](), Float64: typeOf[float64](),
	} {
		if got != want {
			t.Errorf("type %v, want %v", got, want)
		}
	}
}

func TestMembersAreOrderedByKeyThenRank(t *testing.T) {
	choices := []int64{0, 5, 1, 0, 0, -3, 0, 5, -1, 0, 0, 4} // color, key of ranks 0 to 5
	for color, want := range map[int64][]int{0: {2, 5, 0, 3}, 1: {1}, 7: nil} {
		if got := membersOf(color, choices); !slices.Equal(got, want) {
			t.Errorf("color %d has the ranks %v, want %v", color, got, want)
		}
	}
}

func TestNamesOutOfRange(t *testing.T) {
	if got := Op(9).String(); got != "unknown (9)" {
		t.Error(got)
	}
	if got := Type(0).String(); got != "int32" {
		t.Error(got)
	}
}
