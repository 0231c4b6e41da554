package checkpoint

import (
	"fmt"
	"math"
	"testing"

	"pgregory.net/rapid"
)

// TestScaledIsTheFormula: element [r, c] is weight[r, c] · scale[r/block, c/block].
func TestScaledIsTheFormula(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows, columns := rapid.IntRange(0, 9).Draw(t, "rows"), rapid.IntRange(0, 9).Draw(t, "columns")
		size := rapid.IntRange(1, 10).Draw(t, "block")
		weight := Tensor{DType: F8E4M3, Shape: []int{rows, columns}, Data: make([]byte, rows*columns)}
		for i := range weight.Data {
			weight.Data[i] = byte(i*37) &^ 0x40
		}
		across := (columns + size - 1) / size
		down := (rows + size - 1) / size
		factors := make([]float32, down*across)
		for i := range factors {
			factors[i] = 1 / float32(i+3)
		}
		scale := f32s(factors...)
		scale.Shape = []int{down, across}

		got := make([]float32, rows*columns)
		if err := weight.Float32Scaled(got, scale, size); err != nil {
			t.Fatal(err)
		}
		for r := range rows {
			for c := range columns {
				want := float8E4M3[weight.Data[r*columns+c]] * factors[r/size*across+c/size]
				if got[r*columns+c] != want {
					t.Fatalf("[%d %d] is %v, want %v", r, c, got[r*columns+c], want)
				}
			}
		}

		first := size * rapid.IntRange(0, rows/size).Draw(t, "first row")
		n := rapid.IntRange(0, rows-first).Draw(t, "part")
		part := make([]float32, n*columns)
		if err := weight.Rows(first, n).Float32Scaled(part, scale.Rows(first/size, (n+size-1)/size), size); err != nil {
			t.Fatal(err)
		}
		for i, v := range part {
			if want := got[first*columns+i]; v != want {
				t.Fatalf("rows from %d on: element %d is %v, in the whole %v", first, i, v, want)
			}
		}
	})
}

func TestScaledRefuses(t *testing.T) {
	weight := Tensor{Name: "w", File: "f", DType: F8E4M3, Shape: []int{4, 6}, Data: make([]byte, 24)}
	spoilt := weight
	spoilt.Data = make([]byte, 24)
	spoilt.Data[13] = 0x7f
	large := weight
	large.Data = make([]byte, 24)
	large.Data[23] = 0x70
	cube := weight
	cube.Shape = []int{2, 2, 6}
	ids := weight
	ids.DType = U8
	scale := func(shape []int, values ...float32) Tensor {
		s := f32s(values...)
		s.Name, s.File, s.Shape = "s", "f", shape
		return s
	}
	fits := scale([]int{2, 2}, 1, 2, 3, 4)
	nan := float32(math.NaN())
	for _, c := range []struct {
		rule  string
		w, s  Tensor
		n     int
		fault string
	}{
		{"a weight that is no float", ids, fits, 24, `tensor "w": dtype U8 is not floating point`},
		{"a weight of three dimensions", cube, fits, 24, `tensor "w": shape [2 2 6] has 3 dimensions, block scales need 2`},
		{"a short destination", weight, fits, 23, `tensor "w": 24 elements, destination holds 23`},
		{"scales of another block size", weight, scale([]int{4, 6}, make([]float32, 24)...), 24,
			`tensor "s": shape [4 6], want [2 2] (blocks of 3 in [4 6])`},
		{"a scale that is NaN", weight, scale([]int{2, 2}, 1, nan, 3, 4), 24, `tensor "s": element 1 [0 1] is NaN, want a finite float32`},
		{"a weight that is NaN", spoilt, fits, 24, `tensor "w": element 13 [2 1] is NaN, NaN after scaling, want a finite float32`},
		{"a product beyond the largest", large, scale([]int{2, 2}, 1, 1, 1, 3e38), 24,
			`tensor "w": element 23 [3 5] is 128, +Inf after scaling, want a finite float32`},
		{"rows of two blocks with the scales of one", weight.Rows(1, 3), fits.Rows(0, 1), 18, `tensor "s": shape [1 2], want [2 2] (blocks of 3 in [3 6])`},
		{"rows with the scales of others", weight.Rows(3, 1), fits.Rows(0, 1), 6, `tensor "w": rows from 3 on, their scales start at row 0`},
	} {
		t.Run(c.rule, func(t *testing.T) {
			err := c.w.Float32Scaled(make([]float32, c.n), c.s, 3)
			if want := "checkpoint: f: " + c.fault; fmt.Sprint(err) != want {
				t.Errorf("error\n got %v\nwant %s", err, want)
			}
		})
	}
}
