// Dense float32 products for CPUs with AVX-512. A result is one chain of fused sums over k from the first to the last, from the old C if it
// is added to: so its bits depend neither on the other rows and columns nor on how k is cut into products that add up.
#ifndef CAPMOE_KERNEL_TILES_H
#define CAPMOE_KERNEL_TILES_H

#include <stdint.h>

typedef struct {
	int trans_b, accumulate;
	int64_t m, n, k, lda, ldb, ldc;
	float alpha;
} kernel_gemm_sizes;

// kernel_tiles_usable tells whether the CPU has AVX-512.
int kernel_tiles_usable(void);

// kernel_gemm computes C = (alpha·A)·op(B), plus the old C if accumulate.
void kernel_gemm(const kernel_gemm_sizes *s, float *c, const float *a, const float *b);

#endif
