package kernel

// Reference computes dst = X·Wᵀ in plain loops with float64 sums: x is m×k, w is n×k, dst is m×n, all row-major. It is the truth
// that every Library is held to, and slow.
func Reference(dst, x, w []float32, m, n, k int) {
	for i := range m {
		row := x[i*k:][:k]
		for j := range n {
			var sum float64
			for l, v := range w[j*k:][:k] {
				sum += float64(row[l]) * float64(v)
			}
			dst[i*n+j] = float32(sum)
		}
	}
}
