//go:build cgo && !noonednn

#include "tiles.h"
#include "panels.h"
#include "tile.h"

#include <stdlib.h>

#define GROUP 128 // columns whose panels are made together
#define BLOCK 72  // rows of A that go over a panel while it is in cache: whole tiles
#define DEPTH 128
#define MOST_ROWS 12 // of a tile

#ifdef __x86_64__
#include "vectors.h"

#define LANES 16
#define TILES PANELS_F32
#include "tiles_of.h"
#define LANES 8
#define TILES PANELS_AVX2_F32
#include "tiles_of.h"

int kernel_gemm_usable(int lanes) {
	return lanes == 16 ? kernel_panels_usable(PANELS_F32) : lanes == 8 ? kernel_panels_usable(PANELS_AVX2_F32) : 0;
}

void kernel_gemm(const kernel_gemm_sizes *s, float *c, const float *a, const float *b) {
	void (*slice)(const kernel_gemm_sizes *, float *, const float *, const float *, int64_t, int64_t) = s->lanes == 16 ? slice_16 : slice_8;
	int64_t blocks = kernel_ceil_div(s->m, BLOCK);
	for (int64_t i = 0; i < blocks; i++) {
		int64_t at = s->m * i / blocks, m = s->m * (i + 1) / blocks - at;
		for (int64_t l = 0; l < s->k; l += DEPTH)
			slice(s, c + at * s->ldc, a + at * s->lda, b, m, l);
	}
}
#else
int kernel_gemm_usable(int lanes) { return 0; }

void kernel_gemm(const kernel_gemm_sizes *s, float *c, const float *a, const float *b) { abort(); }
#endif
