package kernel

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// testRandomShapes draws shapes and batches that nobody thought of: each row must equal itself alone, and the reference nearly.
func testRandomShapes(t *testing.T, lib Library, dtype DType) {
	rapid.Check(t, func(t *rapid.T) {
		s := shape{n: rapid.IntRange(1, 300).Draw(t, "n"), k: rapid.IntRange(1, 300).Draw(t, "k")}
		m := rapid.IntRange(1, 200).Draw(t, "m")
		seed := rapid.Uint64().Draw(t, "seed")
		w, x := random(seed, s.n*s.k, 1), random(seed+1, m*s.k, 1)
		mat, err := lib.Pack(w, s.n, s.k)
		if err != nil {
			t.Fatal(err)
		}
		defer mat.Free()
		all := mul(mat, x, m)
		for _, i := range slices.Compact([]int{0, m / 2, m - 1}) {
			row, got := x[i*s.k:][:s.k], all[i*s.n:][:s.n]
			if j := firstDifference(got, mul(mat, row, 1)); j >= 0 {
				t.Errorf("row %d, column %d differs from the row alone", i, j)
			}
			if err := dtype.checkRow(got, row, w); err != nil {
				t.Errorf("row %d: %v", i, err)
			}
		}
	})
}
