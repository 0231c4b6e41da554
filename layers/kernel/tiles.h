// Dense float32 products for CPUs with AVX2 or AVX-512. A result is one chain of fused sums over k from the first to the last, from the old C if it
// is added to: so its bits depend neither on the other rows and columns nor on how k is cut into products that add up.
#ifndef CAPMOE_KERNEL_TILES_H
#define CAPMOE_KERNEL_TILES_H

#include <stdint.h>

typedef struct {
	int trans_b, accumulate;
	int lanes; // of the vectors that compute it
	int64_t m, n, k, lda, ldb, ldc;
	float alpha;
} kernel_gemm_sizes;

// kernel_gemm_usable tells whether the CPU has vectors of so many lanes: 16 with AVX-512, 8 with AVX2.
int kernel_gemm_usable(int lanes);

// kernel_gemm computes C = (alpha·A)·op(B), plus the old C if accumulate.
void kernel_gemm(const kernel_gemm_sizes *s, float *c, const float *a, const float *b);

#endif
