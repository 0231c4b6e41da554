package kernel_test

import (
	"fmt"

	"capmoe/layers/kernel"
)

func ExampleLibrary() {
	lib, err := kernel.New(kernel.Options{Threads: 1})
	if err != nil {
		panic(err)
	}
	weights := []float32{ // [n,k] = [2,3]
		1, 2, 3,
		4, 5, 6,
	}
	w, err := lib.Pack(weights, 2, 3)
	if err != nil {
		panic(err)
	}
	defer w.Free()

	x := []float32{ // [m,k] = [2,3]
		1, 0, 0,
		1, 1, 1,
	}
	dst := make([]float32, 2*2) // [m,n]
	w.MulTo(dst, kernel.Values{F32: x}, 2)
	fmt.Println(dst)

	scores := make([]float32, 2*2) // x·xᵀ / 2
	lib.Gemm(kernel.Gemm{TransB: true, M: 2, N: 2, K: 3, Alpha: 0.5, A: x, LDA: 3, B: x, LDB: 3, C: scores, LDC: 2})
	fmt.Println(scores)
	// Output:
	// [1 4 6 15]
	// [0.5 0.5 0.5 1.5]
}
