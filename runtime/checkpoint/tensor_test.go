package checkpoint

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestRowsAreAView(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		shape := rapid.SliceOfN(rapid.IntRange(0, 4), 1, 4).Draw(t, "shape")
		dtype := rapid.SampledFrom([]DType{U8, BF16, F32, I64}).Draw(t, "dtype")
		whole := Tensor{Name: "x", DType: dtype, Shape: shape, Data: make([]byte, product(shape)*dtype.Size())}
		for i := range whole.Data {
			whole.Data[i] = byte(i)
		}
		cut := rapid.IntRange(0, shape[0]).Draw(t, "cut")
		before := slices.Clone(shape)
		head, tail := whole.Rows(0, cut), whole.Rows(cut, shape[0]-cut)
		if joined := append(slices.Clone(head.Data), tail.Data...); !bytes.Equal(joined, whole.Data) {
			t.Fatalf("rows 0 to %d and the rest are not the whole", cut)
		}
		for _, part := range []Tensor{head, tail} {
			if len(part.Data) != part.Elements()*dtype.Size() || !slices.Equal(part.Shape[1:], shape[1:]) {
				t.Fatalf("shape %v of %v with %d bytes", part.Shape, shape, len(part.Data))
			}
			if cap(part.Data) != len(part.Data) {
				t.Fatalf("an append would reach %d bytes of other rows", cap(part.Data)-len(part.Data))
			}
		}
		if !slices.Equal(whole.Shape, before) {
			t.Fatalf("the shape of the whole became %v, was %v", whole.Shape, before)
		}
	})
}

func TestRowsPanicsOutside(t *testing.T) {
	x := Tensor{Name: "x", DType: U8, Shape: []int{4, 2}, Data: make([]byte, 8)}
	for _, c := range []struct {
		t        Tensor
		first, n int
	}{
		{x, -1, 1}, {x, 0, 5}, {x, 4, 1}, {x, 5, 0}, {x, 1, -1}, {x, 1 << 62, 1 << 62}, {scalar(x), 0, 1},
	} {
		func() {
			defer func() {
				want := fmt.Sprintf(`checkpoint: rows: %d rows from %d of tensor "x" of shape %v`, c.n, c.first, c.t.Shape)
				if got := recover(); got != want {
					t.Errorf("panic %v, want %s", got, want)
				}
			}()
			c.t.Rows(c.first, c.n)
		}()
	}
}

func TestExpect(t *testing.T) {
	x := Tensor{Name: "mlp.gate.weight", File: "model.safetensors", Shape: []int{4, 64}}
	for _, c := range []struct {
		rule  string
		dims  string
		shape []int
		want  string
	}{
		{"the same shape", "", []int{4, 64}, "<nil>"},
		{"another size", "num_experts × hidden_size", []int{16, 64},
			`checkpoint: model.safetensors: tensor "mlp.gate.weight": shape [4 64], want [16 64] (num_experts × hidden_size)`},
		{"no reason given", "", []int{64, 4}, `checkpoint: model.safetensors: tensor "mlp.gate.weight": shape [4 64], want [64 4]`},
		{"as many elements, fewer dimensions", "", []int{256}, `checkpoint: model.safetensors: tensor "mlp.gate.weight": shape [4 64], want [256]`},
		{"a scalar", "", nil, `checkpoint: model.safetensors: tensor "mlp.gate.weight": shape [4 64], want []`},
	} {
		t.Run(c.rule, func(t *testing.T) {
			if got := fmt.Sprint(x.Expect(c.dims, c.shape...)); got != c.want {
				t.Errorf("%s\nwant %s", got, c.want)
			}
		})
	}
	if err := (Tensor{}).Expect(""); err != nil {
		t.Errorf("a scalar is no scalar: %v", err)
	}
}
